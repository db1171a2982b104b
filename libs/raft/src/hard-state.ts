import type { NodeId, Term } from './ids.js';

/** What must be durable before any answer that rests on it leaves (Raft Figure 2, persistent state). */
export type HardState = {
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
};
