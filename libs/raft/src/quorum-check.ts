import { quorumValue } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { becomeFollower } from './roles.js';

/**
 * CheckQuorum (Raft thesis §6.2): a leader whom no majority has answered for one election timeout steps down and sends
 * no more heartbeats, which would only keep its followers from joining a quorum elsewhere (FAILURE-MODES 12, 13).
 */
export function checkQuorum(state: RaftState, leader: LeaderState): void {
  if (state.nowMs < leader.quorumCheckDueMs) return;
  const heardAtMs = quorumValue(state.log.membership, (voter) =>
    voter === state.config.nodeId ? state.nowMs : (leader.progress.get(voter)?.heardAtMs ?? -Infinity),
  );
  // Not looked at on each answer: at the old deadline the contact since then gives the new one.
  leader.quorumCheckDueMs = heardAtMs + state.config.electionTimeoutMs;
  if (leader.quorumCheckDueMs <= state.nowMs) becomeFollower(state, null);
}
