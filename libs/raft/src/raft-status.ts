import type { LogIndex, NodeId, Term } from './ids.js';
import type { Membership } from './membership.js';
import type { Role } from './effects.js';

/** How far one peer is, as its leader knows. */
export type PeerProgress = {
  readonly peer: NodeId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly inFlightAppends: number;
  readonly recentlyActive: boolean;
};

/** A copy of the node's state for people and metrics; nothing decides anything by it. */
export type RaftStatus = {
  readonly nodeId: NodeId;
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
  readonly leaderId: NodeId | null;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly firstLogIndex: LogIndex;
  readonly lastLogIndex: LogIndex;
  /** Where the latest durable checkpoint stands; 0 = none. */
  readonly snapshotIndex: LogIndex;
  readonly membership: Membership;
  /** Whom this leader is handing over to. */
  readonly transferTarget: NodeId | null;
  /** A write was handed out longer ago than `RaftConfig.diskStallTimeoutMs`, and has not ended. */
  readonly isDiskStalled: boolean;
  /** Empty unless this node leads. */
  readonly progress: readonly PeerProgress[];
};
