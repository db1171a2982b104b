import type { RaftState } from './raft-state.js';
import { becomeFollower } from './roles.js';

/*
 * A node whose own disk hangs can still send heartbeats, and would hold its office without being able to do its part in it
 * (FAILURE-MODES 30). It gives way to a node whose disk works, and asks for no office before its own does again.
 */

/** Where all disks are as slow as this, changing leaders helps nobody: a node gives way no more often than this. */
const ELECTION_TIMEOUTS_BETWEEN_STALLS = 10;

/** Whether a write was handed out so long ago, and is not done, that this node should not lead. */
export function isDiskStalled(state: RaftState): boolean {
  return state.nowMs >= state.durability.waitingSinceMs + state.config.diskStallTimeoutMs;
}

/** When a leader has to give way, unless its writes are done by then. Infinity when there is nobody to give way to. */
export function diskStallDeadlineMs(state: RaftState): number {
  const { durability, config, log, mayGiveWayFromMs } = state;
  const { voters, votersOutgoing } = log.membership;
  if (voters.length + votersOutgoing.length <= 1) return Infinity;
  return Math.max(durability.waitingSinceMs + config.diskStallTimeoutMs, mayGiveWayFromMs);
}

export function giveWayIfDiskStalled(state: RaftState): void {
  if (state.nowMs < diskStallDeadlineMs(state)) return;
  state.mayGiveWayFromMs = state.nowMs + ELECTION_TIMEOUTS_BETWEEN_STALLS * state.config.electionTimeoutMs;
  becomeFollower(state, null);
}
