import type { LogEntry, LogIndex, Membership, NodeId, RaftMessage, SnapshotMeta, Term } from '@latchkey/raft';
import { logIndex, nodeId, readId, term } from '@latchkey/raft';
import {
  MAX_KEPT_CLAIMS,
  MAX_REMEMBERED_CLAIMS,
  type ClaimMark,
  type IdentityMessage,
  type PeerMessage,
  type StoreClaim,
} from '@latchkey/replica';
import * as fc from 'fast-check';

const MAX_DATA_BYTES = 300;

const record = <Model extends object>(model: { readonly [Key in keyof Model]: fc.Arbitrary<Model[Key]> }) =>
  fc.record<Model>({ ...model }, { noNullPrototype: true });

const natural = fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
const anyTerm: fc.Arbitrary<Term> = natural.map(term);
const anyIndex: fc.Arbitrary<LogIndex> = natural.map(logIndex);
const anyNode: fc.Arbitrary<NodeId> = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/).map(nodeId);
const bytes = fc.uint8Array({ maxLength: MAX_DATA_BYTES });
const nodes = fc.array(anyNode, { maxLength: 5 });
const anyRead = natural.map(readId);

const anyAddresses = fc.dictionary(anyNode, fc.string({ unit: 'binary' }), { maxKeys: 5, noNullPrototype: true });

const anyMembership: fc.Arbitrary<Membership> = fc.oneof(
  record({ voters: nodes, votersOutgoing: nodes, learners: nodes }),
  record({ voters: nodes, votersOutgoing: nodes, learners: nodes, addresses: anyAddresses }),
);

const anySnapshot: fc.Arbitrary<SnapshotMeta> = record({ index: anyIndex, term: anyTerm, membership: anyMembership });

const anyEntry: fc.Arbitrary<LogEntry> = fc.oneof(
  record({ type: fc.constant('noop' as const), index: anyIndex, term: anyTerm }),
  record({ type: fc.constant('command' as const), index: anyIndex, term: anyTerm, data: bytes }),
  record({
    type: fc.constant('membership' as const),
    index: anyIndex,
    term: anyTerm,
    membership: anyMembership,
  }),
);

// A new message type fails to compile here until the round trip covers it.
export const raftMessages: {
  readonly [Type in RaftMessage['type']]: fc.Arbitrary<Extract<RaftMessage, { type: Type }>>;
} = {
  preVoteRequest: record({
    type: fc.constant('preVoteRequest'),
    term: anyTerm,
    lastLogIndex: anyIndex,
    lastLogTerm: anyTerm,
  }),
  preVoteResponse: record({
    type: fc.constant('preVoteResponse'),
    term: anyTerm,
    requestTerm: anyTerm,
    voteGranted: fc.boolean(),
  }),
  voteRequest: record({
    type: fc.constant('voteRequest'),
    term: anyTerm,
    lastLogIndex: anyIndex,
    lastLogTerm: anyTerm,
    leadershipTransfer: fc.boolean(),
  }),
  voteResponse: record({ type: fc.constant('voteResponse'), term: anyTerm, voteGranted: fc.boolean() }),
  appendRequest: record({
    type: fc.constant('appendRequest'),
    term: anyTerm,
    prevLogIndex: anyIndex,
    prevLogTerm: anyTerm,
    leaderCommit: anyIndex,
    confirmRound: natural,
    entries: fc.array(anyEntry, { maxLength: 6 }),
  }),
  commitNotice: record({
    type: fc.constant('commitNotice'),
    term: anyTerm,
    prevLogIndex: anyIndex,
    prevLogTerm: anyTerm,
    leaderCommit: anyIndex,
  }),
  appendAccepted: record({
    type: fc.constant('appendAccepted'),
    term: anyTerm,
    matchIndex: anyIndex,
    confirmRound: natural,
    wantsCommitNotice: fc.boolean(),
  }),
  appendRejected: record({
    type: fc.constant('appendRejected'),
    term: anyTerm,
    prevLogIndex: anyIndex,
    conflictTerm: anyTerm,
    conflictIndex: anyIndex,
    lastLogIndex: anyIndex,
    confirmRound: natural,
  }),
  timeoutNow: record({ type: fc.constant('timeoutNow'), term: anyTerm }),
  removedNotice: record({ type: fc.constant('removedNotice'), term: anyTerm, membershipIndex: anyIndex }),
  readIndexRequest: record({ type: fc.constant('readIndexRequest'), term: anyTerm, readId: anyRead }),
  readIndexResponse: record({
    type: fc.constant('readIndexResponse'),
    term: anyTerm,
    readId: anyRead,
    readIndex: anyIndex,
  }),
  readIndexRefused: record({ type: fc.constant('readIndexRefused'), term: anyTerm, readId: anyRead }),
};

const store = { storeId: fc.string({ unit: 'grapheme', maxLength: 20 }), epoch: natural };
const anyMark = fc.maxSafeNat();

/** Epochs as they grow, the last one the present. */
const anyClaimMarks: fc.Arbitrary<readonly ClaimMark[]> = fc
  .uniqueArray(record({ epoch: natural, mark: anyMark }), {
    minLength: 1,
    maxLength: MAX_KEPT_CLAIMS + MAX_REMEMBERED_CLAIMS,
    selector: ({ epoch }) => epoch,
  })
  .map((claims) => claims.toSorted((one, other) => one.epoch - other.epoch));

const anyStoreClaim: fc.Arbitrary<StoreClaim> = fc
  .tuple(
    record({
      storeId: store.storeId,
      takesPart: fc.boolean(),
      isNew: fc.boolean(),
      term: anyTerm,
      lastIndex: anyIndex,
      keptIndex: anyIndex,
    }),
    anyClaimMarks,
  )
  .map(([claim, claims]) => ({ ...claim, claims, epoch: claims.at(-1)?.epoch ?? 0 }));

const identityMessages: {
  readonly [Type in IdentityMessage['type']]: fc.Arbitrary<Extract<IdentityMessage, { type: Type }>>;
} = {
  storeClaim: record({
    type: fc.constant('storeClaim'),
    claim: anyStoreClaim,
    wantsVerdict: fc.boolean(),
  }),
  storeVerdict: record({
    type: fc.constant('storeVerdict'),
    ...store,
    verdict: fc.constantFrom('welcome', 'replaced', 'behind', 'notMember', 'noVote', 'unknown'),
    hasFounded: fc.boolean(),
    membership: anyMembership,
    membershipIndex: anyIndex,
    founderStores: fc.array(record({ node: anyNode, ...store, mark: fc.option(anyMark) }), { maxLength: 7 }),
  }),
  releaseWanted: record({ type: fc.constant('releaseWanted'), ...store, ticket: natural }),
  releaseAnswer: record({
    type: fc.constant('releaseAnswer'),
    ...store,
    ticket: natural,
    hadVote: fc.boolean(),
    isReleased: fc.boolean(),
    membershipIndex: anyIndex,
  }),
  voteWanted: record({ type: fc.constant('voteWanted'), storeId: store.storeId }),
  voteGiven: record({ type: fc.constant('voteGiven'), storeId: store.storeId }),
};

export const peerMessages: {
  readonly [Type in PeerMessage['type']]: fc.Arbitrary<Extract<PeerMessage, { type: Type }>>;
} = {
  raft: fc.record(
    {
      type: fc.constant('raft' as const),
      message: fc.oneof(...Object.values<fc.Arbitrary<RaftMessage>>(raftMessages)),
      storeTag: fc.nat(0xffff_ffff),
    },
    { requiredKeys: ['type', 'message'], noNullPrototype: true },
  ),
  forwardProposals: record({
    type: fc.constant('forwardProposals'),
    proposals: fc.array(bytes, { maxLength: 6 }),
  }),
  proposalsRefused: record({
    type: fc.constant('proposalsRefused'),
    sequences: fc.array(natural, { maxLength: 6 }),
    reason: fc.constantFrom('notLeader', 'overloaded', 'tooLarge', 'transferring'),
  }),
  leaderRequest: record({ type: fc.constant('leaderRequest'), requestId: natural, body: bytes }),
  leaderResponse: record({ type: fc.constant('leaderResponse'), requestId: natural, body: bytes }),
  leaderRequestRefused: record({ type: fc.constant('leaderRequestRefused'), requestId: natural }),
  membersWanted: record({ type: fc.constant('membersWanted') }),
  members: record({ type: fc.constant('members'), membership: anyMembership }),
  identity: record({
    type: fc.constant('identity'),
    message: fc.oneof(...Object.values<fc.Arbitrary<IdentityMessage>>(identityMessages)),
  }),
  stateHashWanted: record({ type: fc.constant('stateHashWanted'), index: anyIndex }),
  stateHash: record({
    type: fc.constant('stateHash'),
    index: anyIndex,
    hash: fc.string({ unit: 'grapheme-ascii', maxLength: 64 }),
  }),
  snapshotChunk: record({
    type: fc.constant('snapshotChunk'),
    transferId: natural,
    leaderTerm: anyTerm,
    snapshot: anySnapshot,
    sequence: natural,
    data: bytes,
    checksum: fc.nat(0xffff_ffff),
    isLast: fc.boolean(),
  }),
  snapshotProgress: record({
    type: fc.constant('snapshotProgress'),
    transferId: natural,
    nextSequence: natural,
    state: fc.constantFrom('receiving', 'complete', 'refused'),
  }),
};

const anyMessage = fc.oneof(...Object.values<fc.Arbitrary<PeerMessage>>(peerMessages));
export const anyMessages = fc.array(anyMessage, { minLength: 1, maxLength: 5 });
