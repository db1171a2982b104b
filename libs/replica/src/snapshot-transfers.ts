import type { LogIndex, NodeId, SnapshotMeta } from '@latchkey/raft';
import type { DriverCalls } from './driver-calls.js';
import type { LeaderView } from './leader-view.js';
import {
  SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS,
  SNAPSHOT_IDLE_ELECTION_TIMEOUTS,
  SNAPSHOT_INSTALL_ELECTION_TIMEOUTS,
  SNAPSHOT_RETRANSMIT_HEARTBEATS,
  SNAPSHOT_RETRANSMIT_HEARTBEATS_MAX,
} from './limits.js';
import type { SnapshotChunk, SnapshotProgress } from './outgoing-snapshot.js';
import type { ReplicaOptions } from './replica-api.js';
import { SnapshotReceiver } from './snapshot-receiver.js';
import { SnapshotSender } from './snapshot-sender.js';

/** Snapshots between this node and its peers, both ways. A node without a checkpoint store sends none and takes none. */
export class SnapshotTransfers {
  private readonly sender: SnapshotSender | null;
  private readonly receiver: SnapshotReceiver | null;

  constructor(
    options: Pick<ReplicaOptions<unknown>, 'raft' | 'clock' | 'incarnation' | 'observer'> & {
      readonly checkpoints: { readonly store: NonNullable<ReplicaOptions<unknown>['checkpoints']>['store'] } | null;
      readonly appliedIndex: () => LogIndex;
    },
    private readonly calls: DriverCalls,
  ) {
    const { clock, incarnation, observer, appliedIndex } = options;
    const { heartbeatIntervalMs, electionTimeoutMs } = options.raft;
    const store = options.checkpoints?.store ?? null;
    const shared = store === null ? null : { checkpoints: store, calls, clock, observer };
    const timing = {
      retransmitMinMs: SNAPSHOT_RETRANSMIT_HEARTBEATS * heartbeatIntervalMs,
      retransmitMaxMs: SNAPSHOT_RETRANSMIT_HEARTBEATS_MAX * heartbeatIntervalMs,
      giveUpMs: SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS * electionTimeoutMs,
      installMs: SNAPSHOT_INSTALL_ELECTION_TIMEOUTS * electionTimeoutMs,
    };
    const idleMs = SNAPSHOT_IDLE_ELECTION_TIMEOUTS * electionTimeoutMs;
    this.sender = shared === null ? null : new SnapshotSender({ ...shared, timing, incarnation });
    this.receiver = shared === null ? null : new SnapshotReceiver({ ...shared, idleMs, appliedIndex });
  }

  /** The effect `sendSnapshot`. */
  send(to: NodeId, snapshot: SnapshotMeta, view: LeaderView): void {
    if (this.sender === null) this.calls.give({ type: 'snapshotTransferEnded', peer: to, delivered: false });
    else this.sender.begin({ to, snapshot, leaderTerm: view.term });
  }

  takeChunk(from: NodeId, chunk: SnapshotChunk, view: LeaderView): void {
    const { transferId } = chunk;
    if (this.receiver !== null) this.receiver.take(from, chunk, view);
    else this.calls.send(from, { type: 'snapshotProgress', transferId, nextSequence: 0, state: 'refused' });
  }

  takeProgress(from: NodeId, progress: SnapshotProgress): void {
    this.sender?.progress(from, progress);
  }

  peerDown(peer: NodeId): void {
    this.sender?.peerDown(peer);
  }

  peerUp(peer: NodeId): void {
    this.sender?.peerUp(peer);
  }

  leaderChanged(view: LeaderView): void {
    this.sender?.leaderChanged(view);
  }

  nextDeadlineMs(): number {
    return Math.min(this.sender?.nextDeadlineMs() ?? Infinity, this.receiver?.nextDeadlineMs() ?? Infinity);
  }

  expire(nowMs: number): void {
    this.sender?.expire(nowMs);
    this.receiver?.expire(nowMs);
  }

  /** The store is loaded again, or the node stops: nothing of either way is left. Resolves when the store is free of it. */
  async reset(): Promise<void> {
    await Promise.all([this.sender?.close(), this.receiver?.close()]);
  }
}
