import type { LogIndex, Membership, MembershipChange, NodeId, RaftConfig, RaftStatus } from '@latchkey/raft';
import type { RejoinReason } from './lost-history.js';
import type { IdentityOptions } from './node-identity.js';
import type { CheckpointStore } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import type { LogStore } from './ports/log-store.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { PeerTransport } from './ports/peer-transport.js';
import type { CheckpointedStateMachine, StateMachine } from './ports/state-machine.js';

/** How the applied state becomes durable, and the log short. */
export type CheckpointOptions<Outcome> = {
  readonly store: CheckpointStore;
  /** The machine of `ReplicaOptions.stateMachine`, or what stands behind it. */
  readonly stateMachine: CheckpointedStateMachine<Outcome>;
  /** A checkpoint is begun when this many entries were applied since the last one, or this many bytes of them. */
  readonly everyEntries: number;
  readonly everyBytes: number;
};

export type ReplicaOptions<Outcome> = {
  readonly raft: RaftConfig;
  /** Proposals, reads and messages that may wait for their turn; more are refused as OVERLOADED (messages: dropped). */
  readonly maxQueuedInputs: number;
  /** Proposals of this node that may wait for their outcome. */
  readonly maxPendingProposals: number;
  /** A proposal without an outcome after this long fails as OUTCOME_UNKNOWN. */
  readonly proposalTimeoutMs: number;
  /** A read without a read index after this long fails as NO_LEADER. */
  readonly readTimeoutMs: number;
  readonly logStore: LogStore;
  readonly transport: PeerTransport;
  /**
   * All that this node's settings name, members or not: with whom `transport` connects at the start. A node that hears no leader
   * looks for members among them as well, because all those that its log names may have gone meanwhile.
   */
  readonly configuredPeers: readonly NodeId[];
  readonly stateMachine: StateMachine<Outcome>;
  /**
   * Null or absent: nobody looks at who the stores of the nodes are. Else a node whose store was wiped, restored from a
   * backup, or is corrupt takes no part with it, and comes back as a learner (FAILURE-MODES 29, 32).
   */
  readonly identity?: IdentityOptions | null;
  /**
   * A short text, equal on nodes that have applied the same entries, of the state right after the last one that was applied
   * here. Absent, or without `identity`: the nodes do not compare their states (FAILURE-MODES 34).
   */
  readonly stateHash?: () => string;
  /** Null: the log is kept for ever and replayed from its beginning. */
  readonly checkpoints: CheckpointOptions<Outcome> | null;
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  /** Serves a `leaderRequest`, only while this node leads; see `askLeader`. */
  readonly onLeaderRequest: (from: NodeId, body: Uint8Array) => Promise<Uint8Array>;
  /**
   * Whether the application has somebody who waits for whatever is committed (a watch, a waiter for a lock). Asked often,
   * so it must be cheap. While it says no, a follower may apply the last entries up to a heartbeat later, which spares the
   * cluster two messages per commit. Absent: always.
   */
  readonly awaitsCommits?: () => boolean;
  /** 48 random bits naming this run of the process, so that an answer to an earlier run is never taken for ours. */
  readonly incarnation: number;
};

export type ProposeOptions = {
  /**
   * Whether nobody waits for the outcome yet. While it says so, a leader appends this proposal with the next that somebody
   * waits for, or after some milliseconds, and spares that one a commit in front of it; their order stays. Asked often, so it
   * must be cheap. Absent: never.
   */
  readonly canWait?: (() => boolean) | undefined;
};

/** One member of the cluster: the pure Raft core, driven. */
export interface Replica<Outcome> {
  /** Loads the durable state, then takes part. Resolves when the node listens; a leader may not be known yet. */
  start(): Promise<void>;
  /** Stops taking requests, settles what is pending (as OUTCOME_UNKNOWN), closes transport and store. */
  stop(): Promise<void>;
  /**
   * Replicates `command` and gives the outcome of its apply on *this* node. A follower forwards to the leader.
   * @throws ReplicaError
   */
  propose(command: Uint8Array, options?: ProposeOptions): Promise<Outcome>;
  /**
   * Resolves when this node's applied state contains everything that was acknowledged anywhere before the call
   * (ReadIndex, Raft thesis §6.4). Callers that wait at the same time share one round.
   * @throws ReplicaError NO_LEADER, SHUTTING_DOWN
   */
  readBarrier(): Promise<LogIndex>;
  /**
   * Resolves when a majority has confirmed, after the call, that this node leads. For leader tasks.
   * @throws ReplicaError NO_LEADER when it does not (any more)
   */
  confirmLeadership(): Promise<void>;
  /** Sends `body` to the leader's `onLeaderRequest` (called directly when this node leads). @throws ReplicaError */
  askLeader(body: Uint8Array): Promise<Uint8Array>;
  /** Resolves when `index` is applied here. @throws ReplicaError OUTCOME_UNKNOWN after `timeoutMs` */
  waitForApplied(index: LogIndex, timeoutMs: number): Promise<void>;
  /**
   * Resolves when everything that is applied here now is in a durable checkpoint, with its index. One is taken unless
   * there is one already. Only for a node with checkpoints.
   * @throws ReplicaError NO_LEADER, OVERLOADED, SHUTTING_DOWN
   */
  checkpoint(): Promise<LogIndex>;
  /**
   * Hands leadership to `to`, or (null) to the voter that is furthest. Resolves with the new leader.
   * @throws ReplicaError NOT_LEADER, TRANSFER_FAILED
   */
  transferLeadership(to: NodeId | null): Promise<NodeId>;
  /**
   * Resolves with the membership after the change, when that is committed and no longer joint.
   * @throws ReplicaError NOT_LEADER, MEMBERSHIP_REFUSED, OUTCOME_UNKNOWN
   */
  changeMembership(change: MembershipChange): Promise<Membership>;
  /**
   * Somebody who looked at the store has found that it is not what was written: the node is silent from now on and fails
   * with `HistoryLostError`; the next process comes back as a learner (FAILURE-MODES 29). Nothing happens while it takes no
   * part anyway. A node whose vote nobody else can take goes on, because all there is besides is its memory.
   */
  storeFoundCorrupt(error: Error): void;
  status(): ReplicaStatus;
}

/**
 * `admitting`: the node waits for the others to say that its store is the one they know, and takes no part. `rejoining`: it
 * has lost what the store held, and asks the leader to count on it no more. `recovering`: the store failed and is being
 * loaded again; the node is silent meanwhile. `removed`: the cluster goes on without this node, for good.
 */
export type ReplicaPhase =
  'starting' | 'admitting' | 'rejoining' | 'running' | 'recovering' | 'removed' | 'stopped' | 'failed';

export type ReplicaStatus = RaftStatus & {
  readonly appliedIndex: LogIndex;
  readonly connectedPeers: readonly NodeId[];
  /** The latest durable checkpoint; 0 = none. */
  readonly checkpointIndex: LogIndex;
  readonly phase: ReplicaPhase;
  /** Why the node takes no part with its store, or (`running`) is without the vote that it had; null when all is well. */
  readonly rejoining: RejoinReason | null;
  /** Why the store cannot be used at the moment, in words for anybody; null when it can. */
  readonly storeTrouble: string | null;
};
