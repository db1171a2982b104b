import type { NodeId, SnapshotMeta, Term } from '@latchkey/raft';
import type { DriverCalls } from './driver-calls.js';
import type { LeaderView } from './leader-view.js';
import { MAX_OUTGOING_SNAPSHOTS } from './limits.js';
import { OutgoingSnapshot, type SnapshotProgress, type SnapshotTiming } from './outgoing-snapshot.js';
import type { CheckpointStore } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import type { ReplicaObserver } from './ports/observer.js';

export type SnapshotSenderOptions = {
  readonly checkpoints: Pick<CheckpointStore, 'openView'>;
  readonly calls: DriverCalls;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly timing: SnapshotTiming;
  /** See `ReplicaOptions.incarnation`. */
  readonly incarnation: number;
  readonly observer: ReplicaObserver;
};

type SendRequest = { readonly to: NodeId; readonly snapshot: SnapshotMeta; readonly leaderTerm: Term };

/** Where transfer ids of a run begin: those of an earlier run must name none of ours. Ids stay below 2^53. */
const TRANSFER_ID_ORIGINS = 2 ** 21;
const TWO_POW_32 = 2 ** 32;

/** The snapshots on their way from this leader to its peers: one per peer, few at a time, the others in a queue. */
export class SnapshotSender {
  private readonly transfers = new Map<NodeId, OutgoingSnapshot>();
  /** In the order in which they were asked for; at most one for each peer. */
  private readonly waiting = new Map<NodeId, SendRequest>();
  /** Ended, but the store has not let go of their views: they count, so that a store that hangs is not asked more and more. */
  private readonly releasing = new Set<OutgoingSnapshot>();
  private lastTransferId: number;

  constructor(private readonly options: SnapshotSenderOptions) {
    this.lastTransferId = (options.incarnation % TRANSFER_ID_ORIGINS) * TWO_POW_32;
  }

  /** The effect `sendSnapshot` of a leader in `leaderTerm`. What is already on its way is not begun anew, unless it is too old. */
  begin(request: SendRequest): void {
    const running = this.transfers.get(request.to);
    if (running !== undefined) {
      if (running.leaderTerm === request.leaderTerm && running.meta.index >= request.snapshot.index) return;
      this.cancel(running);
    }
    this.waiting.set(request.to, request);
    this.startNext();
  }

  progress(from: NodeId, message: SnapshotProgress): void {
    this.transfers.get(from)?.progress(message);
  }

  /** A transfer outlives a lost connection, for as long as a silence is endured. */
  peerDown(peer: NodeId): void {
    this.transfers.get(peer)?.pause();
  }

  peerUp(peer: NodeId): void {
    this.transfers.get(peer)?.resume();
  }

  /** Transfers end with the leadership that began them. The core has forgotten them, so it is not told. */
  leaderChanged(view: LeaderView): void {
    const isOver = (leaderTerm: Term): boolean => view.role !== 'leader' || leaderTerm !== view.term;
    for (const [peer, { leaderTerm }] of this.waiting) if (isOver(leaderTerm)) this.waiting.delete(peer);
    for (const transfer of this.transfers.values()) if (isOver(transfer.leaderTerm)) this.cancel(transfer);
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity;
    for (const transfer of this.transfers.values()) deadlineMs = Math.min(deadlineMs, transfer.nextDeadlineMs());
    return deadlineMs;
  }

  expire(nowMs: number): void {
    for (const transfer of this.transfers.values()) transfer.expire(nowMs);
  }

  /** Sends nothing more; resolves when the store holds nothing for it any more. */
  async close(): Promise<void> {
    this.waiting.clear();
    for (const transfer of this.transfers.values()) this.cancel(transfer);
    await Promise.all([...this.releasing].map((transfer) => transfer.released()));
  }

  private startNext(): void {
    for (const [peer, request] of this.waiting) {
      if (this.transfers.size + this.releasing.size >= MAX_OUTGOING_SNAPSHOTS) return;
      this.waiting.delete(peer);
      this.start(request);
    }
  }

  private start({ to, snapshot, leaderTerm }: SendRequest): void {
    const { checkpoints, calls, clock, timing } = this.options;
    this.lastTransferId += 1;
    const transfer = new OutgoingSnapshot({
      to,
      transferId: this.lastTransferId,
      leaderTerm,
      wanted: snapshot,
      checkpoints,
      calls,
      clock,
      timing,
      onEnded: (ended, problem) => this.ended(ended, problem),
    });
    this.transfers.set(to, transfer);
    this.observe(transfer, 'begun');
    transfer.begin();
  }

  private ended(transfer: OutgoingSnapshot, problem: string | null): void {
    const { to, byteCount } = transfer;
    this.release(transfer);
    this.observe(transfer, problem === null ? 'completed' : 'failed');
    if (problem !== null) {
      this.options.observer.warning?.('a snapshot did not reach its peer', { peer: to, problem, byteCount });
    }
    this.options.calls.give({ type: 'snapshotTransferEnded', peer: to, delivered: problem === null });
  }

  private cancel(transfer: OutgoingSnapshot): void {
    transfer.cancel();
    this.release(transfer);
    this.observe(transfer, 'failed');
  }

  private release(transfer: OutgoingSnapshot): void {
    this.transfers.delete(transfer.to);
    this.releasing.add(transfer);
    void transfer.released().then(() => {
      this.releasing.delete(transfer);
      this.startNext();
    });
  }

  private observe(transfer: OutgoingSnapshot, state: 'begun' | 'completed' | 'failed'): void {
    const { to: peer, byteCount } = transfer;
    this.options.observer.snapshotTransfer?.({ peer, direction: 'out', state, byteCount });
  }
}
