import { logIndex, nodeId, readId, term, type LogEntry, type Membership, type RaftMessage } from '@latchkey/raft';
import {
  MAX_KEPT_CLAIMS,
  MAX_REMEMBERED_CLAIMS,
  MAX_SNAPSHOT_CHUNK_BYTES,
  type BulkMessage,
  type IdentityMessage,
  type PeerMessage,
} from '@latchkey/replica';
import type { Marker } from './transport-cluster.js';

const T1 = term(1);
const FAR_TERM = term(2 ** 40 + 3);
const FAR_INDEX = logIndex(2 ** 48 + 1);
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, value) => value);

const ENTRIES: readonly LogEntry[] = [
  { type: 'noop', index: logIndex(7), term: T1 },
  { type: 'command', index: logIndex(8), term: T1, data: EVERY_BYTE },
  { type: 'command', index: logIndex(9), term: T1, data: new Uint8Array(0) },
  {
    type: 'membership',
    index: logIndex(10),
    term: FAR_TERM,
    membership: { voters: [nodeId('n1'), nodeId('n2')], votersOutgoing: [nodeId('n3')], learners: [nodeId('a_b.c-4')] },
  },
  {
    type: 'membership',
    index: logIndex(11),
    term: FAR_TERM,
    membership: {
      voters: [nodeId('n1')],
      votersOutgoing: [],
      learners: [nodeId('n2')],
      addresses: { n2: 'http://n2.example:7401', 'a_b.c-4': 'http://knöten.example:1' },
    },
  },
];

const RAFT_MESSAGES: readonly RaftMessage[] = [
  { type: 'preVoteRequest', term: T1, lastLogIndex: logIndex(0), lastLogTerm: term(0) },
  { type: 'preVoteResponse', term: T1, requestTerm: FAR_TERM, voteGranted: false },
  { type: 'voteRequest', term: FAR_TERM, lastLogIndex: FAR_INDEX, lastLogTerm: T1, leadershipTransfer: true },
  { type: 'voteRequest', term: T1, lastLogIndex: logIndex(1), lastLogTerm: T1, leadershipTransfer: false },
  { type: 'voteResponse', term: T1, voteGranted: true },
  {
    type: 'appendRequest',
    term: FAR_TERM,
    prevLogIndex: logIndex(6),
    prevLogTerm: T1,
    leaderCommit: logIndex(5),
    confirmRound: 12,
    entries: ENTRIES,
  },
  {
    type: 'appendRequest',
    term: T1,
    prevLogIndex: FAR_INDEX,
    prevLogTerm: T1,
    leaderCommit: FAR_INDEX,
    confirmRound: 0,
    entries: [],
  },
  { type: 'appendAccepted', term: T1, matchIndex: logIndex(10), confirmRound: 12, wantsCommitNotice: true },
  {
    type: 'appendRejected',
    term: T1,
    prevLogIndex: logIndex(6),
    conflictTerm: term(0),
    conflictIndex: logIndex(3),
    lastLogIndex: logIndex(2),
    confirmRound: 12,
  },
  { type: 'commitNotice', term: FAR_TERM, prevLogIndex: logIndex(9), prevLogTerm: T1, leaderCommit: logIndex(8) },
  { type: 'timeoutNow', term: FAR_TERM },
  { type: 'removedNotice', term: T1, membershipIndex: FAR_INDEX },
  { type: 'readIndexRequest', term: T1, readId: readId(1) },
  { type: 'readIndexResponse', term: T1, readId: readId(2 ** 40), readIndex: logIndex(9) },
  { type: 'readIndexRefused', term: T1, readId: readId(3) },
];

const STORE = { storeId: '0192-ünïcode', epoch: 2 ** 40 };
const MARK = 2 ** 48 - 2;
/** As many as there can be. */
const CLAIM_COUNT = MAX_KEPT_CLAIMS + MAX_REMEMBERED_CLAIMS;
/** The first one of long ago. */
const CLAIMS = Array.from({ length: CLAIM_COUNT }, (_, place) => ({
  epoch: place === 0 ? 0 : STORE.epoch - CLAIM_COUNT + 1 + place,
  mark: MARK - place,
}));

const MEMBERS: Membership = { voters: [nodeId('n1'), nodeId('n2')], votersOutgoing: [], learners: [nodeId('n3')] };

const IDENTITY_MESSAGES: readonly IdentityMessage[] = [
  {
    type: 'storeClaim',
    claim: {
      ...STORE,
      claims: CLAIMS,
      takesPart: true,
      isNew: false,
      term: FAR_TERM,
      lastIndex: logIndex(2 ** 40),
      keptIndex: logIndex(7),
    },
    wantsVerdict: true,
  },
  {
    type: 'storeClaim',
    claim: {
      storeId: 'new',
      epoch: 1,
      claims: [{ epoch: 1, mark: 0 }],
      takesPart: false,
      isNew: true,
      term: term(0),
      lastIndex: logIndex(0),
      keptIndex: logIndex(0),
    },
    wantsVerdict: false,
  },
  {
    type: 'storeVerdict',
    ...STORE,
    verdict: 'notMember',
    hasFounded: true,
    membership: MEMBERS,
    membershipIndex: logIndex(2 ** 33),
    founderStores: [
      { node: nodeId('n2'), ...STORE, mark: MARK },
      { node: nodeId('n3'), ...STORE, mark: null },
    ],
  },
  {
    type: 'storeVerdict',
    ...STORE,
    verdict: 'welcome',
    hasFounded: false,
    membership: MEMBERS,
    membershipIndex: logIndex(0),
    founderStores: [],
  },
  {
    type: 'storeVerdict',
    ...STORE,
    verdict: 'replaced',
    hasFounded: true,
    membership: MEMBERS,
    membershipIndex: logIndex(0),
    founderStores: [],
  },
  {
    type: 'storeVerdict',
    ...STORE,
    verdict: 'behind',
    hasFounded: true,
    membership: MEMBERS,
    membershipIndex: logIndex(0),
    founderStores: [],
  },
  { type: 'releaseWanted', ...STORE, ticket: 2 ** 52 + 1 },
  { type: 'releaseAnswer', ...STORE, ticket: 0, hadVote: true, isReleased: false, membershipIndex: logIndex(0) },
  { type: 'voteWanted', storeId: STORE.storeId },
  { type: 'voteGiven', storeId: STORE.storeId },
];

/** At least one message of each kind but bulk, with the numbers and byte strings that codecs get wrong. */
export const MESSAGE_SAMPLES: readonly PeerMessage[] = [
  ...RAFT_MESSAGES.map((message): PeerMessage => ({ type: 'raft', message })),
  ...RAFT_MESSAGES.map((message): PeerMessage => ({ type: 'raft', message, storeTag: 2 ** 32 - 1 })),
  { type: 'forwardProposals', proposals: [EVERY_BYTE, new Uint8Array(0), Uint8Array.of(1)] },
  { type: 'forwardProposals', proposals: [] },
  { type: 'proposalsRefused', sequences: [1, 2 ** 32, 2 ** 48 - 1], reason: 'notLeader' },
  { type: 'proposalsRefused', sequences: [7], reason: 'overloaded' },
  { type: 'proposalsRefused', sequences: [8], reason: 'tooLarge' },
  { type: 'proposalsRefused', sequences: [], reason: 'transferring' },
  { type: 'leaderRequest', requestId: 2 ** 52 + 1, body: EVERY_BYTE },
  { type: 'leaderResponse', requestId: 0, body: new Uint8Array(0) },
  { type: 'leaderRequestRefused', requestId: 9 },
  { type: 'membersWanted' },
  { type: 'stateHashWanted', index: logIndex(2 ** 40) },
  { type: 'stateHash', index: logIndex(1), hash: '0123456789abcdef' },
  ...IDENTITY_MESSAGES.map((message): PeerMessage => ({ type: 'identity', message })),
  {
    type: 'members',
    membership: { voters: [nodeId('n1'), nodeId('n2')], votersOutgoing: [nodeId('n1')], learners: [] },
  },
  {
    type: 'members',
    membership: {
      voters: [nodeId('n1')],
      votersOutgoing: [],
      learners: [nodeId('n2')],
      addresses: { n2: 'http://n2.example:7401' },
    },
  },
];

const CHUNK: Omit<
  Extract<BulkMessage, { readonly type: 'snapshotChunk' }>,
  'sequence' | 'data' | 'checksum' | 'isLast'
> = {
  type: 'snapshotChunk',
  transferId: 2 ** 52 + 1,
  leaderTerm: FAR_TERM,
  snapshot: {
    index: FAR_INDEX,
    term: T1,
    membership: {
      voters: [nodeId('n1'), nodeId('n2'), nodeId('n3')],
      votersOutgoing: [nodeId('n4')],
      learners: [nodeId('a_b.c-4')],
      addresses: { 'a_b.c-4': 'http://a.example:7401' },
    },
  },
};

/** At least one bulk message of each kind; all bytes of the chunks are in the middle of larger buffers. */
export const BULK_SAMPLES: readonly BulkMessage[] = [
  { ...CHUNK, sequence: 0, data: EVERY_BYTE.subarray(100, 200), checksum: 0xffff_ffff, isLast: false },
  { ...CHUNK, sequence: 1, data: patternOf(MAX_SNAPSHOT_CHUNK_BYTES, 1), checksum: 0x8000_0000, isLast: false },
  { ...CHUNK, sequence: 2 ** 40, data: new Uint8Array(0), checksum: 0, isLast: true },
  {
    ...CHUNK,
    snapshot: { index: logIndex(1), term: T1, membership: { voters: [], votersOutgoing: [], learners: [] } },
    sequence: 0,
    data: Uint8Array.of(0),
    checksum: 1,
    isLast: true,
  },
  { type: 'snapshotProgress', transferId: 2 ** 52 + 1, nextSequence: 0, state: 'receiving' },
  { type: 'snapshotProgress', transferId: 0, nextSequence: 2 ** 40, state: 'complete' },
  { type: 'snapshotProgress', transferId: 1, nextSequence: 3, state: 'refused' },
];

/** Sent last: what came before it on the same connection has arrived or never will. */
export const LAST: Marker = { type: 'leaderRequestRefused', requestId: 1_000_000 };
export const FIRST: Marker = { type: 'leaderRequestRefused', requestId: 1 };

/** Messages that can be told apart, in order. */
export function numbered(from: number, to: number): Marker[] {
  const messages: Marker[] = [];
  for (let requestId = from; requestId <= to; requestId += 1)
    messages.push({ type: 'leaderRequestRefused', requestId });
  return messages;
}

/** An append whose entries hold `byteCount` bytes together. */
export function largeAppend(byteCount: number, entryCount: number): PeerMessage {
  const entries: LogEntry[] = [];
  for (let number = 1; number <= entryCount; number += 1) {
    entries.push({
      type: 'command',
      index: logIndex(number),
      term: T1,
      data: patternOf(byteCount / entryCount, number),
    });
  }
  const message: RaftMessage = {
    type: 'appendRequest',
    term: T1,
    prevLogIndex: logIndex(0),
    prevLogTerm: term(0),
    leaderCommit: logIndex(0),
    confirmRound: 1,
    entries,
  };
  return { type: 'raft', message };
}

function patternOf(byteCount: number, start: number): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, position) => (position * 13 + start) % 256);
}
