import type { NodeId, Role, Term } from '@latchkey/raft';

/** Who leads, as the core said last. */
export type LeaderView = {
  readonly role: Role;
  readonly term: Term;
  readonly leaderId: NodeId | null;
};

/** A leader that can be reached: this node, or one whose connection is open. */
export type KnownLeader = LeaderView & { readonly leaderId: NodeId };

export function reachableLeader(view: LeaderView, connected: ReadonlySet<NodeId>): KnownLeader | null {
  if (view.leaderId === null) return null;
  if (view.role !== 'leader' && !connected.has(view.leaderId)) return null;
  return { ...view, leaderId: view.leaderId };
}
