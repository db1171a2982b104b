import { logIndex, type LogIndex } from './ids.js';
import { invariant } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { Progress } from './progress.js';
import { isVoter } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import type { LogPosition, SnapshotMeta } from './snapshot-meta.js';

/*
 * When the leader sends (Raft §5.3). The CPU spent per message is what limits a small cluster, so:
 *
 * - New entries leave at once, to every peer whose window has room, in parallel with the leader's own write. While a
 *   window is full they gather, and leave together with the next answer: batches grow with load, nothing waits for them.
 * - A new commitIndex rides on whatever is sent next. A message of its own, which nobody answers, goes only to a peer
 *   that asked for it (somebody there waits) and to which nothing is on its way: its reader or forwarder would wait for the next heartbeat. A peer with entries on their way will answer
 *   them; at that moment it gets the next entries if there are any, else the commit index. So under load commits cost
 *   no messages, and a batch on an idle cluster costs one per peer.
 * - Heartbeats go only to peers that were sent nothing for a heartbeat interval. They carry the consistency check of the
 *   last entry sent, so an append that was lost is noticed by the next message at the latest, whichever that is.
 */

/** Sends what the peer's window allows, nothing if there is nothing new for it. */
export function sendNewEntries(state: RaftState, leader: LeaderState, progress: Progress): void {
  while (progress.nextIndex <= state.log.lastIndex && progress.maySendEntries) {
    if (progress.nextIndex <= state.log.baseIndex) {
      progress.awaitSnapshot(latestSnapshot(state));
      return;
    }
    const lastIndex = lastIndexToSend(state, progress);
    if (lastIndex < progress.nextIndex) return;
    const from = progress.nextIndex;
    sendAppend(state, leader, progress, state.log.slice(from, lastIndex));
    progress.sentEntries({ lastIndex, sizeBytes: state.log.sizeBytes(logIndex(from - 1), lastIndex) });
  }
}

export function sendNewEntriesToAll(state: RaftState, leader: LeaderState): void {
  for (const progress of leader.progress.values()) sendNewEntries(state, leader, progress);
}

/** See above: only to peers that are told nothing otherwise, and want to know. */
export function announceCommitIndex(state: RaftState, leader: LeaderState): void {
  for (const progress of leader.progress.values()) {
    const isTold = progress.commitIndexSent >= state.commitIndex || !progress.inFlight.isEmpty;
    if (progress.wantsCommitNotices && progress.state === 'replicate' && !isTold) sendCommitNotice(state, progress);
  }
}

/** An empty append to every voter: begins the round that the present `confirmRound` names. */
export function sendConfirmationRound(state: RaftState, leader: LeaderState): void {
  const { membership } = state.log;
  for (const progress of leader.progress.values()) {
    if (isVoter(membership, progress.peer)) sendEmptyAppend(state, leader, progress);
  }
}

/** Heartbeats to the peers that are due one. */
export function sendHeartbeats(state: RaftState, leader: LeaderState): void {
  if (state.nowMs < leader.heartbeatDueMs) return;
  const { heartbeatIntervalMs } = state.config;
  let dueMs = Infinity;
  for (const progress of leader.progress.values()) {
    if (progress.sentAtMs + heartbeatIntervalMs <= state.nowMs) sendEmptyAppend(state, leader, progress);
    dueMs = Math.min(dueMs, progress.sentAtMs + heartbeatIntervalMs);
  }
  leader.heartbeatDueMs = dueMs;
}

/** The consistency check at the peer's nextIndex, with nothing to append. */
export function sendEmptyAppend(state: RaftState, leader: LeaderState, progress: Progress): void {
  sendAppend(state, leader, progress, []);
}

/** Its cost is the message: it does not wait for an answer, and is no heartbeat, which asks for one. */
function sendCommitNotice(state: RaftState, progress: Progress): void {
  const prevLogIndex = logIndex(progress.nextIndex - 1);
  const prevLogTerm = state.log.termAt(prevLogIndex);
  if (prevLogTerm === null) return;
  const { currentTerm, commitIndex, output, durability } = state;
  const notice = {
    type: 'commitNotice',
    term: currentTerm,
    prevLogIndex,
    prevLogTerm,
    leaderCommit: commitIndex,
  } as const;
  output.send(progress.peer, notice, durability.hardStateWrite);
  noteCommitIndexSent(progress, Math.min(commitIndex, prevLogIndex));
}

function noteCommitIndexSent(progress: Progress, index: number): void {
  if (index > progress.commitIndexSent) progress.commitIndexSent = logIndex(index);
}

function lastIndexToSend(state: RaftState, progress: Progress): LogIndex {
  const { inFlight, nextIndex } = progress;
  const maxBytes = Math.min(state.config.maxAppendBytes, inFlight.freeBytes);
  const lastIndex = state.log.lastIndexWithin(nextIndex, maxBytes);
  if (lastIndex >= nextIndex) return lastIndex;
  // An entry larger than an append may be travels alone; one larger than the window, when nothing else is on its way.
  const fitsWindow = state.log.lastIndexWithin(nextIndex, inFlight.freeBytes) >= nextIndex;
  return fitsWindow || inFlight.isEmpty ? nextIndex : lastIndex;
}

function sendAppend(state: RaftState, leader: LeaderState, progress: Progress, entries: readonly LogEntry[]): void {
  const { index: prevLogIndex, term: prevLogTerm } = positionToCheck(state, progress);
  const { currentTerm, commitIndex, output } = state;
  const message = {
    type: 'appendRequest',
    term: currentTerm,
    prevLogIndex,
    prevLogTerm,
    leaderCommit: commitIndex,
    confirmRound: leader.confirmRound,
    entries,
  } as const;
  // Not after the leader's own write of the entries: both happen at the same time, and the write counts when it is done.
  output.send(progress.peer, message, state.durability.hardStateWrite);
  progress.sentAtMs = state.nowMs;
  // The follower goes no further than what the message verifies.
  noteCommitIndexSent(progress, Math.min(commitIndex, prevLogIndex + entries.length));
}

/** The entry before the peer's next one. Of a peer that needs compacted entries, where the snapshot stands: it tells when it has that. */
function positionToCheck(state: RaftState, progress: Progress): LogPosition {
  const { log } = state;
  if (progress.pendingSnapshot === null && progress.nextIndex <= log.baseIndex) {
    progress.awaitSnapshot(latestSnapshot(state));
  }
  if (progress.pendingSnapshot !== null) return progress.pendingSnapshot;
  const index = logIndex(progress.nextIndex - 1);
  const term = log.termAt(index);
  invariant(term !== null, 'the next entry of a peer is beyond the end of the log');
  return { index, term };
}

/** What stands for the compacted part of the log. */
export function latestSnapshot({ snapshot }: RaftState): SnapshotMeta {
  invariant(snapshot !== null, 'the log was compacted without a checkpoint');
  return snapshot;
}
