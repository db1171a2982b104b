import { sendNewEntriesToAll } from './append-sender.js';
import { logIndex, type LogIndex, type NodeId, type ProposalId } from './ids.js';
import type { Input } from './inputs.js';
import { isRecentlyActive, resign } from './leadership-transfer.js';
import type { LogEntry } from './log-entry.js';
import type { Membership, MembershipRefusal } from './membership.js';
import { afterJoint, firstStepTowards, plannedMembership } from './membership-plan.js';
import { hasCommittedInOwnTerm, isChangePending } from './pending-change.js';
import { isJoint, isVoter, otherMembers } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { finishReadRound } from './reads.js';
import { dismissRemoved } from './removal.js';
import { newProgress } from './roles.js';

/*
 * Membership changes at the leader (Raft §6, docs/decisions/0010-joint-consensus.md). A node uses the latest membership
 * of its log, committed or not; one that is truncated away has never been.
 */

/** How far behind the commit index a learner may be that is given a vote: what is on its way under load. */
export const MAX_ENTRIES_BEHIND_TO_VOTE = 256;

type ChangeMembership = Extract<Input, { readonly type: 'changeMembership' }>;

/** Appends the first step of the change, or refuses it; nothing is promised before it is committed. */
export function handleChangeMembership(state: RaftState, { proposalId, change }: ChangeMembership): void {
  const { leader, log, currentTerm, output } = state;
  if (leader === null) return refuse(state, proposalId, 'notLeader');
  if (isChangePending(state) || !hasCommittedInOwnTerm(state, leader))
    return refuse(state, proposalId, 'changePending');
  if (leader.transfer !== null) return refuse(state, proposalId, 'transferring');
  const target = plannedMembership(log.membership, change, (learner) => isCaughtUp(state, leader, learner));
  if (typeof target === 'string') return refuse(state, proposalId, target);
  const index = appendMembership(state, leader, firstStepTowards(log.membership, target));
  output.add({ type: 'membershipChangeAppended', proposalId, index, term: currentTerm });
}

/**
 * What is due once the latest membership is committed, also one that an earlier leader appended: a joint one is left; who
 * is in it no more is told; and a leader that has no vote in it steps down (Raft §6). Last in a step: the leadership may end.
 */
export function settleMembership(state: RaftState, leader: LeaderState): void {
  const { log, commitIndex, config } = state;
  if (leader.isMembershipSettled || log.membershipIndex > commitIndex || !hasCommittedInOwnTerm(state, leader)) return;
  if (isJoint(log.membership)) {
    // Once written, it also commits what only the outgoing voters were missing for.
    appendMembership(state, leader, afterJoint(log.membership));
    return;
  }
  leader.isMembershipSettled = true;
  dismissRemoved(state, leader);
  if (!isVoter(log.membership, config.nodeId)) resign(state, leader);
}

function appendMembership(state: RaftState, leader: LeaderState, membership: Membership): LogIndex {
  const { log, durability, currentTerm } = state;
  admitPeers(state, leader, membership);
  const index = logIndex(log.lastIndex + 1);
  const entry: LogEntry = { type: 'membership', index, term: currentTerm, membership };
  log.append([entry]);
  durability.noteAppended(index);
  leader.isMembershipSettled = false;
  sendNewEntriesToAll(state, leader);
  // Readers may have waited for one whose word is not needed any more; a sole voter is never answered by anybody.
  finishReadRound(state, leader);
  return index;
}

/** Those who leave are still sent entries, up to the one that says so. */
function admitPeers(state: RaftState, leader: LeaderState, membership: Membership): void {
  for (const peer of otherMembers(membership, state.config.nodeId)) {
    if (leader.progress.has(peer)) continue;
    leader.progress.set(peer, newProgress(state, peer));
    leader.heartbeatDueMs = Math.min(leader.heartbeatDueMs, state.nowMs + state.config.heartbeatIntervalMs);
  }
}

/**
 * Whether the learner can vote at once without slowing down commits: it answers, it is near the commit index, and it
 * holds the entry that made it a learner.
 */
function isCaughtUp(state: RaftState, leader: LeaderState, learner: NodeId): boolean {
  const progress = leader.progress.get(learner);
  if (progress === undefined || progress.state !== 'replicate' || !isRecentlyActive(state, progress)) return false;
  const isNear = state.commitIndex - progress.matchIndex <= MAX_ENTRIES_BEHIND_TO_VOTE;
  return isNear && progress.matchIndex >= state.log.membershipIndex;
}

function refuse(state: RaftState, proposalId: ProposalId, reason: MembershipRefusal): void {
  state.output.add({ type: 'membershipChangeRefused', proposalId, reason });
}
