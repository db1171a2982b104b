import type { LogIndex, Membership, NodeId, Role, SnapshotMeta, Term } from '@latchkey/raft';
import type { RejoinReason } from '../lost-history.js';

/** Where a replica tells what happens to it: logs, metrics, tests, the application's leader tasks. All optional. */
export interface ReplicaObserver {
  roleChanged?(change: { readonly role: Role; readonly term: Term; readonly leaderId: NodeId | null }): void;
  /**
   * This node leads and has applied every entry of earlier terms and its own first one: the moment from which a
   * leader's task (such as counting lease times) may act. Ended by the next `roleChanged`.
   */
  leadershipReady?(term: Term): void;
  /** After each run of applied entries. */
  applied?(appliedIndex: LogIndex): void;
  persisted?(batch: { readonly entryCount: number; readonly byteCount: number; readonly durationMs: number }): void;
  peerChanged?(change: { readonly peer: NodeId; readonly connected: boolean }): void;
  /** The state through `index` is durable outside of the log. */
  checkpointed?(checkpoint: { readonly index: LogIndex; readonly durationMs: number }): void;
  /**
   * The applied state was replaced by a snapshot of the leader: it has jumped to `meta.index` without the entries in
   * between. Whoever follows the entries must look at the state anew.
   */
  snapshotInstalled?(meta: SnapshotMeta): void;
  /** A snapshot on its way to a peer, or from it. */
  snapshotTransfer?(transfer: {
    readonly peer: NodeId;
    readonly direction: 'out' | 'in';
    readonly state: 'begun' | 'completed' | 'failed';
    readonly byteCount: number;
  }): void;
  /** The state of `peer` was another one than that of this node right after the entry at `index` (FAILURE-MODES 34). */
  stateHashDiffers?(mismatch: { readonly peer: NodeId; readonly index: LogIndex }): void;
  /** A membership was committed; joint ones too. */
  membershipChanged?(membership: Membership): void;
  /**
   * The node takes no part with what its store held, and begins anew as a learner as soon as the leader allows it; null:
   * it has the vote again that it had.
   */
  rejoining?(reason: RejoinReason | null): void;
  /** This node was removed from the cluster; it has stopped for good. */
  removed?(): void;
  /** The replica has stopped for good: an InvariantViolation, a fenced or corrupt store. The process should exit. */
  failed?(error: Error): void;
  /** Trouble that the replica handles itself, such as a database that does not answer. */
  warning?(message: string, details: Readonly<Record<string, unknown>>): void;
}
