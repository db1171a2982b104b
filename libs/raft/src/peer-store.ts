import { sendEmptyAppend } from './append-sender.js';
import type { NodeId } from './ids.js';
import { isVoter } from './quorum.js';
import type { RaftState } from './raft-state.js';
import { newProgress } from './roles.js';

/**
 * A peer without a vote begins anew with an empty store (FAILURE-MODES 32). What it held counted for nothing, but what it is
 * taken to hold decides what it is sent, and when it may vote: matchIndex must not be that of the store before. Answers
 * on their way from there are told by their round: this begins one that only later appends carry.
 *
 * A voter keeps its progress: entries may be committed by it, and what it has confirmed cannot be taken back. It is to lose
 * its vote first.
 */
export function handlePeerStoreReplaced(state: RaftState, peer: NodeId): void {
  const { leader } = state;
  if (leader === null || !leader.progress.has(peer) || isVoter(state.log.membership, peer)) return;
  leader.confirmRound += 1;
  const progress = newProgress(state, peer, leader.confirmRound);
  leader.progress.set(peer, progress);
  sendEmptyAppend(state, leader, progress);
}
