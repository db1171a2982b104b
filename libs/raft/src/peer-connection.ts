import { sendEmptyAppend } from './append-sender.js';
import { hurryElection } from './election-timer.js';
import type { NodeId } from './ids.js';
import type { Progress } from './progress.js';
import type { RaftState } from './raft-state.js';
import { forgetLeader } from './roles.js';

/**
 * The connection to `peer` closed (ARCHITECTURE §4.8). Only a hint: a follower of that peer asks soon whether it could win
 * an election, and goes on following when the leader is heard again. For a leader nothing counts but answers: closed
 * connections neither end its leadership nor lengthen it.
 */
export function handlePeerDown(state: RaftState, peer: NodeId): void {
  if (state.leader !== null) {
    const progress = state.leader.progress.get(peer);
    if (progress !== undefined) askAnew(progress);
    return;
  }
  if (state.leaderId !== peer) return;
  forgetLeader(state);
  hurryElection(state);
}

/**
 * The peer can be reached. A leader need not wait for its next heartbeat. Whoever knows of no leader asks soon whether it could win
 * an election now: after a start of all nodes nobody leads, and nobody could be asked before. A peer that hears a leader
 * refuses, so that a node which comes back to a cluster disturbs nobody.
 */
export function handlePeerUp(state: RaftState, peer: NodeId): void {
  if (state.leaderId === null && state.role !== 'candidate') hurryElection(state);
  const progress = state.leader?.progress.get(peer);
  if (state.leader === null || progress === undefined) return;
  askAnew(progress);
  // Empty: it asks where to go on before any entry is sent twice.
  sendEmptyAppend(state, state.leader, progress);
}

/** What was on its way is lost. How much of it, the next answer will tell; of a snapshot, the driver. */
function askAnew(progress: Progress): void {
  if (progress.state !== 'snapshot') progress.probeFrom(progress.nextIndex);
}
