import type { Role } from './effects.js';
import { resetElectionTimer } from './election-timer.js';
import { logIndex, term, type LogIndex, type NodeId, type Term } from './ids.js';
import { invariant } from './invariant.js';
import { Progress } from './progress.js';
import { otherMembers } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { failAskedReads, failLeaderReads } from './reads.js';

/*
 * The only places where role, term, vote and known leader change (Raft Figure 4). What follows from a change (messages,
 * entries) is the caller's.
 */

/** A term above our own was seen: adopt it, whoever we were (Raft §5.1). The vote of the old term ends with it. */
export function adoptTerm(state: RaftState, newTerm: Term): void {
  invariant(newTerm > state.currentTerm, 'a term never falls');
  state.currentTerm = newTerm;
  state.votedFor = null;
  state.durability.noteHardState();
  becomeFollower(state, null);
}

/** Within the term; the vote stays, else this node could vote twice in it (FAILURE-MODES 3). */
export function becomeFollower(state: RaftState, leaderId: NodeId | null): void {
  leaveRole(state, 'follower');
  setLeader(state, leaderId);
}

/** Asks first whether an election could be won; changes nothing that others can see (Raft thesis §9.6). */
export function becomePreCandidate(state: RaftState): void {
  leaveRole(state, 'preCandidate');
  setLeader(state, null);
  state.votesGranted.add(state.config.nodeId);
}

/** Increments the term and votes for itself (Raft §5.2). The vote counts when it is durable, not before. */
export function becomeCandidate(state: RaftState): void {
  leaveRole(state, 'candidate');
  setLeader(state, null);
  state.currentTerm = term(state.currentTerm + 1);
  state.votedFor = state.config.nodeId;
  state.durability.noteHardState();
}

/** @param firstIndexOfTerm where the no-op of this leader will be */
export function becomeLeader(state: RaftState, firstIndexOfTerm: LogIndex): LeaderState {
  invariant(state.role === 'candidate', 'only a candidate can win an election');
  leaveRole(state, 'leader');
  setLeader(state, state.config.nodeId);
  state.hurriedElectionsLeft = 0;
  const { config, nowMs } = state;
  const peers = otherMembers(state.log.membership, config.nodeId);
  state.leader = {
    progress: new Map(peers.map((peer) => [peer, newProgress(state, peer)])),
    isMembershipSettled: false,
    firstIndexOfTerm,
    confirmRound: 0,
    waitingReads: [],
    readRound: null,
    transfer: null,
    heartbeatDueMs: nowMs + config.heartbeatIntervalMs,
    quorumCheckDueMs: nowMs + config.electionTimeoutMs,
  };
  return state.leader;
}

/** Of a peer of which nothing is known yet: it is taken to hold what this leader holds. */
export function newProgress({ config, log, nowMs }: RaftState, peer: NodeId, countsFromRound = 0): Progress {
  const limits = { maxAppends: config.maxInFlightAppends, maxBytes: config.maxInFlightBytes };
  return new Progress(peer, { nextIndex: logIndex(log.lastIndex + 1), nowMs, limits, countsFromRound });
}

/** This node is told that it is no member any more. It falls silent until the driver stops it. */
export function becomeRemoved(state: RaftState): void {
  state.isRemoved = true;
  becomeFollower(state, null);
  state.electionDeadlineMs = Infinity;
  state.output.add({ type: 'removed' });
}

/** The connection to the leader closed, or it has been silent for too long. */
export function forgetLeader(state: RaftState): void {
  setLeader(state, null);
}

function leaveRole(state: RaftState, next: Role): void {
  state.role = next;
  state.votesGranted.clear();
  const { leader } = state;
  if (leader === null) return;
  state.leader = null;
  failLeaderReads(state, leader);
  resetElectionTimer(state);
}

function setLeader(state: RaftState, leaderId: NodeId | null): void {
  if (state.leaderId === leaderId) return;
  state.leaderId = leaderId;
  failAskedReads(state);
}
