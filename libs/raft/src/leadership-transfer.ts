import { sendEmptyAppend } from './append-sender.js';
import { isDiskStalled } from './disk-stall.js';
import { startElection } from './election.js';
import type { TransferFailure } from './effects.js';
import type { NodeId } from './ids.js';
import type { RaftMessage } from './messages.js';
import { isChangePending } from './pending-change.js';
import type { Progress } from './progress.js';
import { isMember, isVoter, otherVoters } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { becomeFollower, becomeRemoved } from './roles.js';

/*
 * Leadership transfer (Raft thesis §3.10): the leader takes no more proposals, brings the target up to date, and tells it
 * to campaign at once. Nothing depends on it for safety, since the target must win an election like everybody else. It ends
 * with the leadership, or at its deadline, after which this leader serves as before (FAILURE-MODES 14).
 */

type TimeoutNow = Extract<RaftMessage, { readonly type: 'timeoutNow' }>;

/** @param to null for the voter that is furthest */
export function handleTransferLeadership(state: RaftState, to: NodeId | null): void {
  const { leader, nowMs, config, log } = state;
  if (leader === null) return fail(state, 'notLeader');
  if (leader.transfer !== null) return fail(state, 'alreadyTransferring');
  // The target might lose its vote by it, or this leader its office.
  if (isChangePending(state)) return fail(state, 'changePending');
  const target = to ?? furthestVoter(state, leader)?.peer ?? null;
  if (target === null || target === config.nodeId) return fail(state, 'noTarget');
  if (!log.membership.voters.includes(target)) return fail(state, 'notVoter');
  leader.transfer = { to: target, deadlineMs: nowMs + config.electionTimeoutMs };
  const progress = leader.progress.get(target);
  if (progress !== undefined) continueTransfer(state, leader, progress);
}

/** After an answer of `progress.peer`. Also says it again to a target that goes on following: the first may be lost. */
export function continueTransfer(state: RaftState, leader: LeaderState, progress: Progress): void {
  if (leader.transfer?.to !== progress.peer || progress.matchIndex < state.log.lastIndex) return;
  sendTimeoutNow(state, progress.peer);
  if (!hasVote(state)) leaveOffice(state, leader);
}

/** The target did not take over in time: back to service, unless this was the end of it anyway. */
export function expireTransfer(state: RaftState, leader: LeaderState): void {
  if (leader.transfer === null || state.nowMs < leader.transfer.deadlineMs) return;
  if (!hasVote(state)) return leaveOffice(state, leader);
  leader.transfer = null;
  fail(state, 'timedOut');
}

/**
 * The leader asks this node to take over: no pre-vote, and its vote requests pass leader stickiness. The caller has
 * adopted a higher term. Ignored by who will have no vote, or has one only until a pending change is through.
 */
export function handleTimeoutNow(state: RaftState, from: NodeId, message: TimeoutNow): void {
  const isOfLeader = state.leader === null && (state.leaderId === null || state.leaderId === from);
  if (message.term < state.currentTerm || !isOfLeader) return;
  if (!state.log.membership.voters.includes(state.config.nodeId) || isDiskStalled(state)) return;
  startElection(state, { leadershipTransfer: true });
}

/**
 * The membership that takes this leader's vote is committed: it steps down. It takes no more proposals, and the voter that
 * is furthest campaigns as soon as it holds all of the log, so that nothing is lost and nobody waits for an election timeout.
 */
export function resign(state: RaftState, leader: LeaderState): void {
  const successor = furthestVoter(state, leader);
  if (successor === null) return leaveOffice(state, leader);
  leader.transfer = { to: successor.peer, deadlineMs: state.nowMs + state.config.electionTimeoutMs };
  continueTransfer(state, leader, successor);
}

function leaveOffice(state: RaftState, leader: LeaderState): void {
  for (const progress of leader.progress.values()) {
    const isTold = progress.commitIndexSent >= state.commitIndex;
    if (progress.state === 'replicate' && !isTold) sendEmptyAppend(state, leader, progress);
  }
  becomeFollower(state, null);
  if (!isMember(state.log.membership, state.config.nodeId)) becomeRemoved(state);
}

function hasVote({ log, config }: RaftState): boolean {
  return isVoter(log.membership, config.nodeId);
}

export function isRecentlyActive({ nowMs, config }: RaftState, progress: Progress): boolean {
  return nowMs < progress.heardAtMs + config.electionTimeoutMs;
}

/** Of those that answer, the one that holds most. */
function furthestVoter(state: RaftState, leader: LeaderState): Progress | null {
  let furthest: Progress | null = null;
  for (const voter of otherVoters(state.log.membership, state.config.nodeId)) {
    const progress = leader.progress.get(voter);
    if (progress === undefined || !isRecentlyActive(state, progress)) continue;
    if (furthest === null || progress.matchIndex > furthest.matchIndex) furthest = progress;
  }
  return furthest;
}

function sendTimeoutNow({ currentTerm, output, durability }: RaftState, target: NodeId): void {
  output.send(target, { type: 'timeoutNow', term: currentTerm }, durability.hardStateWrite);
}

function fail(state: RaftState, reason: TransferFailure): void {
  state.output.add({ type: 'transferFailed', reason });
}
