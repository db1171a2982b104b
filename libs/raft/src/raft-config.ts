import type { NodeId } from './ids.js';
import type { Membership } from './membership.js';

/** Settings of one Raft node. Times are milliseconds of the driver's monotonic clock. */
export type RaftConfig = {
  readonly nodeId: NodeId;
  /** Used only when neither log nor snapshot holds a membership: the cluster's first one. */
  readonly initialMembership: Membership;
  readonly heartbeatIntervalMs: number;
  /** T; each timeout is drawn anew from [T, 2T] (Raft §5.2). */
  readonly electionTimeoutMs: number;
  /** After `peerDown` of the leader a pre-vote starts after a delay drawn from [0, this] ms. */
  readonly peerDownDelayMs: number;
  /** Appends on the way to one peer that it has not answered yet. */
  readonly maxInFlightAppends: number;
  readonly maxInFlightBytes: number;
  /** Entry bytes in one append message; a single larger entry still travels alone. */
  readonly maxAppendBytes: number;
  /** Bytes appended by this leader and not yet committed; above it proposals are refused as `overloaded`. */
  readonly maxUncommittedBytes: number;
  /** Entries kept in the log before the latest checkpoint, for peers that are a little behind (FAILURE-MODES 20). */
  readonly trailingEntries: number;
  /** A leader whose own write takes longer steps down, and does not campaign before it has ended (FAILURE-MODES 30). */
  readonly diskStallTimeoutMs: number;
  /** Seed of the only randomness in the core: timeouts. Any integer. */
  readonly seed: number;
};
