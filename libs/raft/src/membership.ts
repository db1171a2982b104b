import type { NodeId } from './ids.js';

/**
 * Who takes part. While `votersOutgoing` is not empty the membership is joint and every decision needs a majority
 * of both voter sets (Raft §6).
 */
export type Membership = {
  readonly voters: readonly NodeId[];
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
};
