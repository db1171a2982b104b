import { sendNewEntries } from './append-sender.js';
import { advanceLeaderCommit, announceCommit } from './commit.js';
import { logIndex, type LogIndex, type NodeId } from './ids.js';
import { continueTransfer } from './leadership-transfer.js';
import { settleMembership } from './membership-change.js';
import type { RaftMessage } from './messages.js';
import type { Progress } from './progress.js';
import type { RaftLog } from './raft-log.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { finishReadRound } from './reads.js';
import { sendSnapshotIfDue } from './snapshot-sending.js';

type AppendAccepted = Extract<RaftMessage, { readonly type: 'appendAccepted' }>;
type AppendRejected = Extract<RaftMessage, { readonly type: 'appendRejected' }>;

export function handleAppendAccepted(state: RaftState, from: NodeId, answer: AppendAccepted): void {
  const leader = state.leader;
  const progress = noteAnswer(state, from, answer);
  // Nobody can hold more of this leader's log than there is.
  if (leader === null || progress === null || answer.matchIndex > state.log.lastIndex) return;
  progress.wantsCommitNotices = answer.wantsCommitNotice;
  const isNews = progress.accepted(answer.matchIndex);
  if (progress.state === 'snapshot' && progress.matchIndex >= state.log.baseIndex) progress.snapshotArrived();
  if (isNews) advanceLeaderCommit(state, leader);
  finishReadRound(state, leader);
  sendNewEntries(state, leader, progress);
  sendSnapshotIfDue(state, progress);
  announceCommit(state, leader);
  continueTransfer(state, leader, progress);
  settleMembership(state, leader);
}

export function handleAppendRejected(state: RaftState, from: NodeId, answer: AppendRejected): void {
  const leader = state.leader;
  const progress = noteAnswer(state, from, answer);
  if (leader === null || progress === null) return;
  // A refusal of the entries is still the word of a follower: it confirms who leads.
  finishReadRound(state, leader);
  if (progress.isCurrentRejection(answer)) {
    progress.probeFrom(nextIndexAfterRejection(state.log, answer));
    sendNewEntries(state, leader, progress);
  }
  sendSnapshotIfDue(state, progress);
}

/**
 * Where the logs can meet at the latest, given that the peer's differs at `prevLogIndex` (Raft §5.3, last paragraphs).
 * Terms never fall along a log, so each side can rule out a whole run of terms at once: the peer holds `conflictTerm`
 * from `conflictIndex` to `prevLogIndex`; whatever we hold of a greater term up to there cannot be in its log.
 * The result may lie in the compacted part of the log: then the peer needs a snapshot.
 */
export function nextIndexAfterRejection(log: RaftLog, rejection: AppendRejected): LogIndex {
  const { prevLogIndex, conflictTerm, conflictIndex } = rejection;
  // Always at least one step back, whatever the answer says.
  const latest = Math.min(prevLogIndex, log.lastIndex);
  if (conflictTerm === 0) return atLeastOne(Math.min(conflictIndex, latest));
  const lastPossible = Math.min(log.lastIndexWithTermAtMost(conflictTerm), latest - 1);
  const isShared = lastPossible >= conflictIndex && log.termAt(logIndex(lastPossible)) === conflictTerm;
  return atLeastOne(isShared ? lastPossible + 1 : Math.min(lastPossible + 1, conflictIndex));
}

/** The peer lives and follows in this term. Null when the answer is not for this leadership, or from a stranger. */
function noteAnswer(state: RaftState, from: NodeId, answer: AppendAccepted | AppendRejected): Progress | null {
  if (state.leader === null || answer.term !== state.currentTerm) return null;
  const progress = state.leader.progress.get(from);
  if (progress === undefined || answer.confirmRound < progress.countsFromRound) return null;
  progress.heardAtMs = state.nowMs;
  progress.confirmedRound = Math.max(progress.confirmedRound, confirmedBy(answer, state.leader));
  return progress;
}

/** No round that has not begun can be confirmed. */
function confirmedBy({ confirmRound }: AppendAccepted | AppendRejected, { confirmRound: latest }: LeaderState): number {
  return confirmRound <= latest ? confirmRound : 0;
}

function atLeastOne(index: number): LogIndex {
  return logIndex(Math.max(index, 1));
}
