import { commitUpTo } from './commit.js';
import { resetElectionTimer } from './election-timer.js';
import { logIndex, term, type LogIndex, type NodeId } from './ids.js';
import { invariant, InvariantViolation } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { RaftMessage } from './messages.js';
import type { RaftState } from './raft-state.js';
import { becomeFollower } from './roles.js';

type AppendRequest = Extract<RaftMessage, { readonly type: 'appendRequest' }>;
type CommitNotice = Extract<RaftMessage, { readonly type: 'commitNotice' }>;

/** Confirms nothing: the first round of a leadership is 1. */
const NO_ROUND = 0;

/** In a rejection: the responder's log is shorter. */
const NO_TERM = term(0);

/**
 * AppendEntries at the receiver (Raft Figure 2): entries or a heartbeat. The caller has adopted a higher term.
 * @throws InvariantViolation when two nodes lead in one term, or a committed entry is contradicted
 */
export function handleAppendRequest(state: RaftState, from: NodeId, request: AppendRequest): void {
  if (request.term < state.currentTerm) {
    // Makes the sender adopt the term and step down, also when this node is only stuck in a term of its own.
    // The round is one of the sender's old term: should it lead again in the new one, its rounds have the same numbers.
    reject(state, from, { ...request, confirmRound: NO_ROUND });
    return;
  }
  if (!isConsecutive(request)) return;
  followLeader(state, from);
  if (request.leaderCommit > state.heardCommitIndex) state.heardCommitIndex = request.leaderCommit;
  if (!matches(state, request)) {
    reject(state, from, request);
    return;
  }
  takeEntries(state, request);
  // No further than what this very message has verified: what follows in this log may differ (FAILURE-MODES 8).
  const verifiedIndex = logIndex(request.prevLogIndex + request.entries.length);
  commitUpTo(state, logIndex(Math.min(request.leaderCommit, verifiedIndex)));
  accept(state, from, request, verifiedIndex);
}

/**
 * Commits what the leader has, as far as the notice names an entry of this log. Anything that does not fit is left to the
 * heartbeats, which ask for an answer. The caller has adopted a higher term.
 */
export function handleCommitNotice(state: RaftState, from: NodeId, notice: CommitNotice): void {
  if (notice.term < state.currentTerm) return;
  followLeader(state, from);
  if (!matches(state, notice)) return;
  commitUpTo(state, logIndex(Math.min(notice.leaderCommit, notice.prevLogIndex)));
}

/** `leaderId` leads in the present term, and has just been heard. @throws InvariantViolation when another one does too */
export function followLeader(state: RaftState, leaderId: NodeId): void {
  const isOnlyLeader = state.leader === null && (state.leaderId === null || state.leaderId === leaderId);
  if (!isOnlyLeader) {
    throw new InvariantViolation(`${leaderId} leads in term ${state.currentTerm}, and so does ${state.leaderId}`);
  }
  if (state.role !== 'follower' || state.leaderId === null) becomeFollower(state, leaderId);
  state.leaderHeardAtMs = state.nowMs;
  state.hurriedElectionsLeft = 0;
  resetElectionTimer(state);
}

/** What is before the base of the log is committed, so every leader has it. */
function matches(state: RaftState, request: AppendRequest | CommitNotice): boolean {
  return request.prevLogIndex < state.log.baseIndex || state.log.hasEntry(request);
}

/**
 * Appends what is new. Entries that are there already stay, and so does everything after them, unless one contradicts
 * the leader's: an old message must not take away what later ones brought (Raft §5.3, FAILURE-MODES 7).
 */
function takeEntries(state: RaftState, { entries }: AppendRequest): void {
  const { log, durability } = state;
  const newEntries = withoutKnown(state, entries);
  const first = newEntries[0];
  if (first === undefined) return;
  if (first.index <= log.lastIndex) {
    invariant(first.index > state.commitIndex, 'a leader contradicts a committed entry');
    log.truncateFrom(first.index);
    durability.noteTruncated(first.index);
  }
  log.append(newEntries);
  durability.noteAppended(first.index);
}

/** The entries from the first one on that this log does not hold; the same array when that is all of them. */
function withoutKnown({ log }: RaftState, entries: readonly LogEntry[]): readonly LogEntry[] {
  let known = 0;
  for (const entry of entries) {
    const isKnown = entry.index <= log.baseIndex || log.termAt(entry.index) === entry.term;
    if (!isKnown) break;
    known += 1;
  }
  return known === 0 ? entries : entries.slice(known);
}

/**
 * Entries are acknowledged once they are durable here. A heartbeat is answered at once with what is durable already: it
 * is asked for proof that this node still follows, and should not queue behind the disk.
 */
function accept(state: RaftState, from: NodeId, request: AppendRequest, verifiedIndex: LogIndex): void {
  const { durability } = state;
  const { durableIndex } = durability;
  const waits = request.entries.length > 0 && verifiedIndex > durableIndex;
  const matchIndex = waits ? verifiedIndex : logIndex(Math.min(verifiedIndex, durableIndex));
  const response = {
    type: 'appendAccepted',
    term: state.currentTerm,
    matchIndex,
    confirmRound: request.confirmRound,
    wantsCommitNotice: state.wantsCommitNotices,
  } as const;
  state.output.send(from, response, waits ? durability.latestWrite : durability.hardStateWrite);
}

/** Tells the first index of the conflicting term, so that the leader skips the term in one step (Raft §5.3). */
function reject(state: RaftState, from: NodeId, { prevLogIndex, confirmRound }: AppendRequest): void {
  const { log, currentTerm, output, durability } = state;
  const conflictTerm = prevLogIndex > log.lastIndex ? null : log.termAt(prevLogIndex);
  const response = {
    type: 'appendRejected',
    term: currentTerm,
    prevLogIndex,
    conflictTerm: conflictTerm ?? NO_TERM,
    conflictIndex: conflictTerm === null ? logIndex(log.lastIndex + 1) : log.firstIndexOfTerm(conflictTerm),
    lastLogIndex: log.lastIndex,
    confirmRound,
  } as const;
  output.send(from, response, durability.hardStateWrite);
}

/** Guards against a damaged sender: the rest of the core relies on indices without gaps. */
function isConsecutive({ prevLogIndex, entries }: AppendRequest): boolean {
  const first = entries[0];
  if (first === undefined) return true;
  return first.index === prevLogIndex + 1 && entries.at(-1)?.index === prevLogIndex + entries.length;
}
