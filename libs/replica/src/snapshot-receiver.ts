import type { LogIndex, NodeId } from '@latchkey/raft';
import type { DriverCalls } from './driver-calls.js';
import { IncomingSnapshot } from './incoming-snapshot.js';
import type { LeaderView } from './leader-view.js';
import { MAX_ENDED_SNAPSHOTS_REMEMBERED } from './limits.js';
import type { SnapshotChunk, SnapshotProgress } from './outgoing-snapshot.js';
import type { CheckpointStore, SnapshotStaging } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import type { ReplicaObserver } from './ports/observer.js';

export type SnapshotReceiverOptions = {
  readonly checkpoints: Pick<CheckpointStore, 'stageSnapshot'>;
  readonly calls: DriverCalls;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly idleMs: number;
  readonly observer: ReplicaObserver;
  /** Through which entry this node has the state already. */
  readonly appliedIndex: () => LogIndex;
};

/**
 * The snapshot on its way to this node: at most one. It is only as good as its sender's leadership, and the core has the
 * last word about that; here only what is certainly old is kept out.
 */
export class SnapshotReceiver {
  private current: IncomingSnapshot | null = null;
  /** Transfers that are over, the oldest first: a late copy of a first chunk must not begin one again. */
  private readonly ended = new Set<string>();
  private lastReleased: Promise<void> = Promise.resolve();

  constructor(private readonly options: SnapshotReceiverOptions) {}

  take(from: NodeId, chunk: SnapshotChunk, view: LeaderView): void {
    const { current } = this;
    const isCurrent = current !== null && isSame(current, from, chunk);
    if (chunk.snapshot.index <= this.options.appliedIndex() && !(isCurrent && current.isOffered)) {
      if (isCurrent) this.drop(current, null);
      this.answer(from, chunk, 'complete');
    } else if (isCurrent) current.take(chunk);
    else if (this.mustRefuse(from, chunk, view)) this.answer(from, chunk, 'refused');
    // It may be wanted still if the one before it is not installed: its sender asks again.
    else if (current?.isOffered === true) this.answer(from, chunk, 'receiving');
    else this.begin(from, chunk);
  }

  nextDeadlineMs(): number {
    return this.current?.nextDeadlineMs() ?? Infinity;
  }

  expire(nowMs: number): void {
    this.current?.expire(nowMs);
  }

  /**
   * The node stops or loads its store again: what is staged is gone, and its sender will be told `refused` when it asks.
   * What was offered is ended by the driver.
   */
  reset(): void {
    if (this.current !== null && !this.current.isOffered)
      this.drop(this.current, 'the store failed, or this node stops');
  }

  /** Resolves when the store holds nothing for it any more. */
  async close(): Promise<void> {
    this.reset();
    await this.lastReleased;
  }

  private mustRefuse(from: NodeId, chunk: SnapshotChunk, view: LeaderView): boolean {
    if (this.ended.has(keyOf(from, chunk.transferId))) return true;
    // Its beginning was taken before this node was started: it cannot be continued.
    if (chunk.sequence !== 0) return true;
    if (chunk.leaderTerm < view.term) return true;
    if (chunk.leaderTerm === view.term && view.leaderId !== null && view.leaderId !== from) return true;
    return this.current !== null && chunk.leaderTerm < this.current.leaderTerm;
  }

  private begin(from: NodeId, first: SnapshotChunk): void {
    const { checkpoints, calls, clock, idleMs } = this.options;
    if (this.current !== null) this.drop(this.current, 'another one took its place');
    this.current = new IncomingSnapshot({
      from,
      first,
      predecessor: this.lastReleased,
      checkpoints,
      calls,
      clock,
      idleMs,
      onWhole: (transfer, staging) => this.offer(transfer, staging),
      onFailed: (transfer, problem) => this.failed(transfer, problem),
    });
    this.observe(this.current, 'begun');
    this.current.take(first);
  }

  private offer(transfer: IncomingSnapshot, staging: SnapshotStaging): void {
    this.options.calls.offerSnapshot({
      from: transfer.from,
      term: transfer.leaderTerm,
      staging,
      onEnded: (end) => {
        transfer.consumed();
        this.forget(transfer);
        this.observe(transfer, end === 'installed' ? 'completed' : 'failed');
        this.answer(transfer.from, transfer, end === 'lost' ? 'refused' : 'complete');
      },
    });
  }

  private failed(transfer: IncomingSnapshot, problem: string): void {
    this.drop(transfer, problem);
    this.answer(transfer.from, transfer, 'refused');
  }

  /** @param problem null when the snapshot is not needed any more */
  private drop(transfer: IncomingSnapshot, problem: string | null): void {
    const { from: peer, byteCount } = transfer;
    transfer.cancel();
    this.lastReleased = transfer.released();
    this.forget(transfer);
    this.observe(transfer, 'failed');
    if (problem === null) return;
    this.options.observer.warning?.('an incoming snapshot was dropped', { peer, problem, byteCount });
  }

  private forget(transfer: IncomingSnapshot): void {
    if (this.current === transfer) this.current = null;
    this.ended.add(keyOf(transfer.from, transfer.transferId));
    for (const oldest of this.ended) {
      if (this.ended.size <= MAX_ENDED_SNAPSHOTS_REMEMBERED) return;
      this.ended.delete(oldest);
    }
  }

  private answer(to: NodeId, { transferId }: { readonly transferId: number }, state: SnapshotProgress['state']): void {
    this.options.calls.send(to, { type: 'snapshotProgress', transferId, nextSequence: 0, state });
  }

  private observe(transfer: IncomingSnapshot, state: 'begun' | 'completed' | 'failed'): void {
    const { from: peer, byteCount } = transfer;
    this.options.observer.snapshotTransfer?.({ peer, direction: 'in', state, byteCount });
  }
}

const keyOf = (from: NodeId, transferId: number): string => `${from} ${transferId}`;

const isSame = (transfer: IncomingSnapshot, from: NodeId, { transferId }: SnapshotChunk): boolean =>
  transfer.from === from && transfer.transferId === transferId;
