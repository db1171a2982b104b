import type { Input, NodeId, RaftStatus, Term } from '@latchkey/raft';
import type { PeerSender } from './peer-sender.js';
import type { LossReason } from './ports/identity-store.js';
import type { SnapshotStaging } from './ports/checkpoint-store.js';

/** Inputs of the core that come from a part of the driver, not from peers, disk or time. */
export type RequestedInput = Extract<
  Input,
  { readonly type: 'snapshotTransferEnded' | 'changeMembership' | 'transferLeadership' | 'peerStoreReplaced' }
>;

/** A whole, verified snapshot of a node that leads, as it waits in the checkpoint store. */
export type SnapshotOffer = {
  readonly from: NodeId;
  /** The term in which `from` leads. */
  readonly term: Term;
  readonly staging: SnapshotStaging;
  /**
   * Called once. `installed`: it is the durable state now; `notNeeded`: the state here is further, and the staging was
   * discarded; `lost`: the node stops, or loads its store again, which leaves nothing of the staging.
   */
  readonly onEnded: (end: 'installed' | 'notNeeded' | 'lost') => void;
};

/** What the parts of a driver may ask of it. */
export interface DriverCalls extends PeerSender {
  /** Given to the core in the next turn. Lost when the node does not run by then; its callers were failed before. */
  give(input: RequestedInput): void;
  /** Tells the core of the snapshot in the next turn, and installs it if the core takes it. */
  offerSnapshot(offer: SnapshotOffer): void;
  /** Makes sure of a turn, in which expired callers and what waits for the leader are looked at. */
  schedule(): void;
  /** Of the core; null when none runs. */
  runningStatus(): RaftStatus | null;
  /** What this node holds is wrong: it takes no part with it any more, and fails. */
  loseHistory(reason: LossReason, why: string): void;
  /** A bug, or a store that must not be used any more: the node goes silent for good. */
  fail(error: unknown): void;
}
