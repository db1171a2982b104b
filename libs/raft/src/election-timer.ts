import type { RaftState } from './raft-state.js';

/** Quick elections in a row after a connection closed or opened, before the usual timeouts apply again. */
export const HURRIED_ELECTIONS_MAX = 4;

/** A real election waits for disks, a pre-vote does not. */
const CANDIDATE_PATIENCE = 2;

/**
 * Draws a new timeout from [T, 2T] (Raft §5.2). Only hearing the current leader, granting a vote, or starting an
 * election does so; a vote that was refused does not (FAILURE-MODES 11).
 */
export function resetElectionTimer(state: RaftState): void {
  state.electionDeadlineMs = state.nowMs + drawElectionTimeoutMs(state);
}

/** Probably nobody leads: the leader's connection closed, or none was heard of yet. Waiting out the timeout would help nobody. */
export function hurryElection(state: RaftState): void {
  state.hurriedElectionsLeft = HURRIED_ELECTIONS_MAX;
  const dueMs = state.nowMs + state.random() * state.config.peerDownDelayMs;
  state.electionDeadlineMs = Math.min(state.electionDeadlineMs, dueMs);
}

/**
 * How long to wait for the election that starts now. When the leader is believed dead, the other followers may learn
 * so a moment later than this one (and have refused it), or have started at the same time (and split the votes): the
 * next attempt follows soon, each time after twice as long, until the usual timeout takes over.
 */
export function resetElectionTimerForAttempt(state: RaftState): void {
  resetElectionTimer(state);
  if (state.hurriedElectionsLeft === 0) return;
  const attempt = HURRIED_ELECTIONS_MAX - state.hurriedElectionsLeft;
  const patience = state.role === 'candidate' ? CANDIDATE_PATIENCE : 1;
  const shortestMs = Math.max(state.config.peerDownDelayMs, 1) * patience * 2 ** attempt;
  const dueMs = state.nowMs + shortestMs * (1 + state.random());
  state.electionDeadlineMs = Math.min(state.electionDeadlineMs, dueMs);
}

/**
 * Leader stickiness (Raft thesis §4.2.3): whoever has heard the leader within the least election timeout takes part in
 * no election, and a leader always hears itself; what ends a leader without a quorum is CheckQuorum.
 */
export function hearsLeader(state: RaftState): boolean {
  if (state.leader !== null) return true;
  return state.leaderId !== null && state.nowMs < state.leaderHeardAtMs + state.config.electionTimeoutMs;
}

function drawElectionTimeoutMs(state: RaftState): number {
  const { electionTimeoutMs } = state.config;
  return electionTimeoutMs + state.random() * electionTimeoutMs;
}
