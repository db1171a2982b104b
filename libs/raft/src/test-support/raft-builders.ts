import type { HardState } from '../hard-state.js';
import { logIndex, nodeId, term, type NodeId } from '../ids.js';
import type { LogEntry } from '../log-entry.js';
import type { Membership } from '../membership.js';
import type { RaftMessage } from '../messages.js';
import type { RaftConfig } from '../raft-config.js';
import type { LogPosition, SnapshotMeta } from '../snapshot-meta.js';

export const HEARTBEAT_INTERVAL_MS = 50;
export const ELECTION_TIMEOUT_MS = 300;
export const PEER_DOWN_DELAY_MS = 10;

export const [N1, N2, N3, N4, N5] = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId) as [
  // A tuple, so that each name is a NodeId and not perhaps undefined.
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
];
export const FIVE_NODES: readonly NodeId[] = [N1, N2, N3, N4, N5];
export const THREE_NODES = FIVE_NODES.slice(0, 3);

export function membershipOf(voters: readonly NodeId[], parts: Partial<Membership> = {}): Membership {
  return { voters, votersOutgoing: [], learners: [], ...parts };
}

export function raftConfig(parts: Partial<RaftConfig> = {}): RaftConfig {
  return {
    nodeId: N1,
    initialMembership: membershipOf(THREE_NODES),
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    peerDownDelayMs: PEER_DOWN_DELAY_MS,
    maxInFlightAppends: 8,
    maxInFlightBytes: 1_000_000,
    maxAppendBytes: 100_000,
    maxUncommittedBytes: 1_000_000,
    trailingEntries: 4,
    diskStallTimeoutMs: 2 * ELECTION_TIMEOUT_MS,
    seed: 1,
    ...parts,
  };
}

/** A log that was never compacted. */
export const NO_BASE: LogPosition = { index: logIndex(0), term: term(0) };

export function position(index: number, entryTerm: number): LogPosition {
  return { index: logIndex(index), term: term(entryTerm) };
}

export function snapshotAt(index: number, entryTerm: number, membership = membershipOf(THREE_NODES)): SnapshotMeta {
  return { ...position(index, entryTerm), membership };
}

export function hardState(currentTerm: number, votedFor: NodeId | null = null): HardState {
  return { currentTerm: term(currentTerm), votedFor };
}

export function commandEntry(index: number, entryTerm: number, data = new Uint8Array(0)): LogEntry {
  return { type: 'command', index: logIndex(index), term: term(entryTerm), data };
}

/** A log from index 1 on whose entries have these terms. */
export function entriesOfTerms(...terms: readonly number[]): LogEntry[] {
  return terms.map((entryTerm, position) => commandEntry(position + 1, entryTerm));
}

export function termsOf(entries: readonly LogEntry[]): number[] {
  return entries.map((entry) => entry.term);
}

type Append = {
  readonly term: number;
  readonly prevLogIndex?: number;
  readonly prevLogTerm?: number;
  readonly leaderCommit?: number;
  readonly confirmRound?: number;
  readonly entries?: readonly LogEntry[];
};

export function appendRequest(append: Append): RaftMessage {
  return {
    type: 'appendRequest',
    term: term(append.term),
    prevLogIndex: logIndex(append.prevLogIndex ?? 0),
    prevLogTerm: term(append.prevLogTerm ?? 0),
    leaderCommit: logIndex(append.leaderCommit ?? 0),
    confirmRound: append.confirmRound ?? 0,
    entries: append.entries ?? [],
  };
}

export function appendAccepted(answerTerm: number, matchIndex: number, confirmRound = 0): RaftMessage {
  return {
    type: 'appendAccepted',
    term: term(answerTerm),
    matchIndex: logIndex(matchIndex),
    confirmRound,
    wantsCommitNotice: true,
  };
}

/** The follower's log ends before `prevLogIndex`. */
export function appendRejected(
  answerTerm: number,
  {
    prevLogIndex,
    lastLogIndex,
    confirmRound = 0,
  }: Record<'prevLogIndex' | 'lastLogIndex', number> & {
    readonly confirmRound?: number;
  },
): RaftMessage {
  return {
    type: 'appendRejected',
    term: term(answerTerm),
    prevLogIndex: logIndex(prevLogIndex),
    conflictTerm: term(0),
    conflictIndex: logIndex(lastLogIndex + 1),
    lastLogIndex: logIndex(lastLogIndex),
    confirmRound,
  };
}

type LastLog = { readonly term: number; readonly lastLogIndex?: number; readonly lastLogTerm?: number };

export function voteRequest(request: LastLog, leadershipTransfer = false): RaftMessage {
  return {
    type: 'voteRequest',
    term: term(request.term),
    lastLogIndex: logIndex(request.lastLogIndex ?? 0),
    lastLogTerm: term(request.lastLogTerm ?? 0),
    leadershipTransfer,
  };
}

export function preVoteRequest(request: LastLog): RaftMessage {
  return {
    type: 'preVoteRequest',
    term: term(request.term),
    lastLogIndex: logIndex(request.lastLogIndex ?? 0),
    lastLogTerm: term(request.lastLogTerm ?? 0),
  };
}

export function voteResponse(answerTerm: number, voteGranted: boolean): RaftMessage {
  return { type: 'voteResponse', term: term(answerTerm), voteGranted };
}

export function preVoteResponse(answerTerm: number, requestTerm: number, voteGranted: boolean): RaftMessage {
  return { type: 'preVoteResponse', term: term(answerTerm), requestTerm: term(requestTerm), voteGranted };
}
