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
import { describe, expect, it } from 'vitest';
import { CodecError } from './codec-error.js';
import { assembleFrame, decodeFrame, encodeMessage, frameVersion } from './peer-codec.js';

const SEED = 20_251;
const RUNS = 300;
const MAX_DATA_BYTES = 300;
/** A verdict with the store of one founder, before its mark. */
const FOUNDER_STORE = [1, 39, 1, 1, 0x61, 5, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0x61, 1, 0x61, 5];

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
const raftMessages: { readonly [Type in RaftMessage['type']]: fc.Arbitrary<Extract<RaftMessage, { type: Type }>> } = {
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
    verdict: fc.constantFrom('welcome', 'replaced', 'behind', 'notMember', 'noVote'),
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

const peerMessages: { readonly [Type in PeerMessage['type']]: fc.Arbitrary<Extract<PeerMessage, { type: Type }>> } = {
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
const anyMessages = fc.array(anyMessage, { minLength: 1, maxLength: 5 });

const encodeFrame = (messages: readonly PeerMessage[]): Buffer => assembleFrame(messages.map(encodeMessage));

const command = (index: number, data: Uint8Array): LogEntry => ({
  type: 'command',
  index: logIndex(index),
  term: term(1),
  data,
});

const append = (entries: readonly LogEntry[]): PeerMessage => ({
  type: 'raft',
  message: {
    type: 'appendRequest',
    term: term(1),
    prevLogIndex: logIndex(0),
    prevLogTerm: term(0),
    leaderCommit: logIndex(0),
    confirmRound: 0,
    entries,
  },
});

const chunk = (data: Uint8Array): PeerMessage => ({
  type: 'snapshotChunk',
  transferId: 1,
  leaderTerm: term(1),
  snapshot: { index: logIndex(1), term: term(1), membership: { voters: [], votersOutgoing: [], learners: [] } },
  sequence: 0,
  data,
  checksum: 0,
  isLast: true,
});

describe('peer codec', () => {
  it.each(Object.entries(raftMessages))('brings back a %s as it was', (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<RaftMessage>, (message) => {
        expect(decodeFrame(encodeFrame([{ type: 'raft', message }]))).toStrictEqual([{ type: 'raft', message }]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it.each(Object.entries(peerMessages))('brings back a message of kind %s as it was', (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<PeerMessage>, (message) => {
        expect(decodeFrame(encodeFrame([message]))).toStrictEqual([message]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('brings back the address of a node whose name means something to JavaScript', () => {
    const addresses = Object.fromEntries([
      ['__proto__', 'http://a:1'],
      ['constructor', 'http://b:1'],
    ]);
    const membership = { voters: [], votersOutgoing: [], learners: [], addresses };
    const [message] = decodeFrame(
      encodeFrame([append([{ type: 'membership', index: logIndex(1), term: term(1), membership }])]),
    );
    const entry =
      message?.type === 'raft' && message.message.type === 'appendRequest' ? message.message.entries[0] : null;
    expect(entry?.type === 'membership' && Object.entries(entry.membership.addresses ?? {})).toEqual([
      ['__proto__', 'http://a:1'],
      ['constructor', 'http://b:1'],
    ]);
  });

  it('brings back any run of messages in its order', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        expect(decodeFrame(encodeFrame(messages))).toStrictEqual(messages);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('refuses a frame that is cut at any byte', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        const frame = encodeFrame(messages);
        for (let byteLength = 0; byteLength < frame.length; byteLength += 1) {
          expect(() => decodeFrame(frame.subarray(0, byteLength))).toThrow(CodecError);
        }
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it('refuses a byte after the last message', () => {
    const frame = encodeFrame([append([command(1, Buffer.from('x'))])]);
    expect(() => decodeFrame(Buffer.concat([frame, Buffer.of(0)]))).toThrow(CodecError);
  });

  it('answers random and damaged bytes with a CodecError or a well-formed message, nothing else', () => {
    const damaged = fc.tuple(anyMessages, fc.nat(), fc.nat(255)).map(([messages, position, byte]) => {
      const frame = Buffer.from(encodeFrame(messages));
      frame[position % frame.length] = byte;
      return frame;
    });
    const startsWell = fc.uint8Array({ maxLength: 60 }).map((rest) => Buffer.from([frameVersion, 1, ...rest]));
    let refusedCount = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, startsWell, fc.uint8Array({ maxLength: 60 })), (frame) => {
        try {
          // What passes must be a message in every field: it can be encoded again.
          encodeFrame(decodeFrame(frame));
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
          refusedCount += 1;
        }
      }),
      { seed: SEED, numRuns: 3_000 },
    );
    expect(refusedCount).toBeGreaterThan(1_000);
  });

  it.each([
    ['an unknown message type', [1, 99, 0], /unknown message type 99/],
    ['an unknown Raft message type', [1, 31, 0], /unknown message type 31/],
    ['no message', [0], /without a message/],
    ['a number above 2^53 - 1', [1, 36, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], /above 2\^53 - 1/],
    [
      'a number that never ends',
      [1, 36, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      /longer than 8 bytes/,
    ],
    ['a body longer than the frame', [1, 34, 0, 0xff, 0xff, 0xff, 0x7f, 1, 2], /over the end/],
    ['more messages announced than there are', [0xff, 0xff, 0xff, 0x7f, 36, 0], /ends early/],
    ['a boolean that is 2', [1, 4, 1, 2], /not a boolean/],
    ['a node id with a space', [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 1, 1, 0x20, 0, 0, 0], /not a node id/],
    [
      'two addresses of one node',
      [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 1, 2, 1, 0x61, 0, 1, 0x61, 0],
      /two addresses of a/,
    ],
    ['an address that is not UTF-8', [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 1, 1, 1, 0x61, 1, 0xff], /not UTF-8/],
    ['a reason of a refusal that nobody knows', [1, 33, 4, 0], /unknown reason/],
    ['an unknown kind of bulk message', [1, 50, 1, 1, 0], /unknown message type 50/],
    ['a state of a transfer that nobody knows', [1, 49, 1, 1, 3], /unknown state/],
    [
      'a checksum of 33 bits',
      [1, 48, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 0],
      /more than 32 bits/,
    ],
    [
      'a chunk whose data goes over the end',
      [1, 48, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0x7f, 7],
      /over the end/,
    ],
    ['a membership with endless voters', [1, 48, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0x61], /ends early/],
    ['a store without a claim', [1, 39, 0, 1, 0x61, 5, 0, 0, 0, 0, 0, 0, 0], /present claim .* is missing/],
    ['a store that has forgotten the present claim', [1, 39, 0, 1, 0x61, 5, 1, 1, 7, 0, 0, 0, 0, 0, 0], /is missing/],
    ['two claims of one epoch', [1, 39, 0, 1, 0x61, 5, 2, 0, 7, 0, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['claims that go back', [1, 39, 0, 1, 0x61, 5, 2, 0, 7, 1, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['a claim before the first', [1, 39, 0, 1, 0x61, 5, 2, 6, 7, 0, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['more claims than a store remembers', [1, 39, 0, 1, 0x61, 5, 81, 0, 7], /81 claims/],
    ['neither part nor none', [1, 39, 0, 1, 0x61, 5, 1, 0, 7, 2, 0, 0, 0, 0, 0], /not a boolean: 2/],
    ['a mark above 2^53 - 1', [1, 39, 0, 1, 0x61, 5, 1, 0, ...Array<number>(7).fill(0xff), 0x7f], /above 2\^53 - 1/],
    ['a mark that is neither there nor missing', [...FOUNDER_STORE, 2], /not a boolean/],
    ['a mark that is said to be there', [...FOUNDER_STORE, 1], /ends early/],
  ])('refuses %s', (_what, afterVersion, message) => {
    const frame = Buffer.from([frameVersion, ...afterVersion]);
    expect(() => decodeFrame(frame)).toThrow(CodecError);
    expect(() => decodeFrame(frame)).toThrow(message);
  });

  it('refuses another version', () => {
    expect(() => decodeFrame(Buffer.from([frameVersion - 1, 1, 36, 0]))).toThrow(/this node speaks/);
  });

  it('encodes entries once for all peers that get the same array', () => {
    const entries = [command(1, Buffer.alloc(100, 7))];
    expect(encodeMessage(append(entries)).tail).toBe(encodeMessage(append(entries)).tail);
    expect(encodeMessage(append([...entries])).tail).not.toBe(encodeMessage(append(entries)).tail);
  });

  it('gives views of the received bytes instead of copies', () => {
    const frame = new Uint8Array(encodeFrame([append([command(1, Buffer.from('data'))])]));
    const [message] = decodeFrame(frame);
    expect(message).toMatchObject({ message: { entries: [{ data: { buffer: frame.buffer } }] } });
  });

  it('hands the data of a chunk on as it is, on both sides', () => {
    const data = Buffer.alloc(300, 7).subarray(100, 200);
    const { tail } = encodeMessage(chunk(data));
    expect([tail?.buffer === data.buffer, tail?.byteOffset, tail?.length]).toEqual([true, data.byteOffset, 100]);
    const frame = new Uint8Array(encodeFrame([chunk(data)]));
    const [message] = decodeFrame(frame);
    expect(message?.type === 'snapshotChunk' && message.data.buffer === frame.buffer).toBe(true);
  });

  it('takes at most 12 bytes for a heartbeat of a young cluster and its answer', () => {
    expect(encodeFrame([append([])]).length).toBeLessThanOrEqual(12);
    const accepted: RaftMessage = {
      type: 'appendAccepted',
      term: term(3),
      matchIndex: logIndex(100_000),
      confirmRound: 5_000,
      wantsCommitNotice: true,
    };
    expect(encodeFrame([{ type: 'raft', message: accepted }]).length).toBeLessThanOrEqual(12);
  });
});
