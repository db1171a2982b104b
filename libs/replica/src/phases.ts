import type { PeerMessage } from './ports/peer-transport.js';
import type { ReplicaPhase } from './replica-api.js';

/** For good. */
export function hasEnded(phase: ReplicaPhase): boolean {
  return phase === 'failed' || phase === 'stopped' || phase === 'removed';
}

/**
 * Whether a node in this phase says, or listens to, this message. Before it takes part it is silent in Raft; who the members
 * are it must know all the same, to be connected with those whose word it waits for.
 */
export function mayExchange(phase: ReplicaPhase, { type }: PeerMessage): boolean {
  if (phase === 'running') return true;
  return (phase === 'admitting' || phase === 'rejoining') && (type === 'members' || type === 'membersWanted');
}
