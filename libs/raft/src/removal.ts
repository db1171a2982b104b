import type { LogIndex, NodeId } from './ids.js';
import type { RaftMessage } from './messages.js';
import { isChangePending } from './pending-change.js';
import { isMember } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { becomeRemoved } from './roles.js';

/*
 * A removed node must stop, and must not disturb those that remain (Raft thesis §4.2.3, FAILURE-MODES 15). That its
 * removal is committed it learns from the leader alone: its own log cannot tell it, for what it replays may be an old
 * removal from before it was added again.
 *
 * From then on it answers nothing, votes included. Nobody can need its vote: the removal is stored on a majority of the
 * voters that remain, and these refuse every candidate that does not have it too.
 */

type RemovedNotice = Extract<RaftMessage, { readonly type: 'removedNotice' }>;

/** Tells those whose removal is committed, and sends them nothing more. A notice that is lost comes again when they ask. */
export function dismissRemoved(state: RaftState, leader: LeaderState): void {
  for (const peer of leader.progress.keys()) {
    if (isMember(state.log.membership, peer)) continue;
    tellRemoved(state, peer);
    leader.progress.delete(peer);
  }
}

/**
 * Whether this leader hears from one that its committed membership does not contain. Such a one is told, and whatever its
 * message says is not acted upon, its term included. Not while a change is pending: the one could be part of it.
 */
export function isFromRemovedNode(state: RaftState, from: NodeId, message: RaftMessage): boolean {
  const { leader, log } = state;
  if (leader === null || isMember(log.membership, from) || isChangePending(state)) return false;
  switch (message.type) {
    case 'preVoteRequest':
      return true;
    case 'voteRequest':
      // A transfer shows that another leader knows better who is a member.
      return !message.leadershipTransfer;
    case 'appendAccepted':
    case 'appendRejected':
    case 'readIndexRequest':
      // Late words from before: perhaps of a node that was to be added, which must not take it for a farewell.
      return message.term >= state.currentTerm;
    default:
      return false;
  }
}

export function tellRemoved({ currentTerm, log, output, durability }: RaftState, peer: NodeId): void {
  const notice = { type: 'removedNotice', term: currentTerm, membershipIndex: log.membershipIndex } as const;
  output.send(peer, notice, durability.hardStateWrite);
}

/** Who follows a leader of a later term knows better than one of an earlier; a mere higher term of its own proves nothing. */
export function handleRemovedNotice(state: RaftState, notice: RemovedNotice): void {
  const knowsBetter = notice.term < state.currentTerm && state.leaderId !== null;
  if (state.leader === null && !knowsBetter && wasRemoved(state, notice)) becomeRemoved(state);
}

/**
 * Not if this node was added again after the removal; nor if it has never been a member, which is so when the entry that
 * was to add it has been rolled back.
 */
function wasRemoved({ log, commitIndex, config }: RaftState, notice: RemovedNotice): boolean {
  // Beyond the notice's index, of an earlier term, not known to be committed: the leader did not have it, and so no later
  // leader ever will.
  const isRolledBack = (index: LogIndex): boolean =>
    index > Math.max(notice.membershipIndex, commitIndex) && (log.termAt(index) ?? 0) < notice.term;
  const naming = log.membershipHistory.filter(({ membership }) => isMember(membership, config.nodeId));
  const latest = naming.findLast(({ index }) => !isRolledBack(index));
  return latest !== undefined && latest.index <= notice.membershipIndex;
}
