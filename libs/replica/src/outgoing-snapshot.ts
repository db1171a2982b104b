import type { NodeId, SnapshotMeta, Term } from '@latchkey/raft';
import { crc32 } from './crc32.js';
import type { DriverCalls } from './driver-calls.js';
import { MAX_SNAPSHOT_CHUNK_BYTES, MAX_SNAPSHOT_CHUNKS_IN_FLIGHT, SNAPSHOT_PAGE_BYTES } from './limits.js';
import type { CheckpointStore, CheckpointView, StateRow } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import { LogStoreError } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { StateRowsEncoder, StateRowsError } from './state-rows-codec.js';
import { isRecoverable } from './store-reload.js';

export type SnapshotChunk = Extract<PeerMessage, { readonly type: 'snapshotChunk' }>;
export type SnapshotProgress = Extract<PeerMessage, { readonly type: 'snapshotProgress' }>;

/** In milliseconds; see `limits.ts`. */
export type SnapshotTiming = {
  readonly retransmitMinMs: number;
  readonly retransmitMaxMs: number;
  readonly giveUpMs: number;
  readonly installMs: number;
};

export type OutgoingSnapshotOptions = {
  readonly to: NodeId;
  readonly transferId: number;
  readonly leaderTerm: Term;
  /** What the peer needs at least. */
  readonly wanted: SnapshotMeta;
  readonly checkpoints: Pick<CheckpointStore, 'openView'>;
  readonly calls: DriverCalls;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly timing: SnapshotTiming;
  /** At most once, not after `cancel`. `problem`: why it was not delivered. */
  readonly onEnded: (transfer: OutgoingSnapshot, problem: string | null) => void;
};

/**
 * One snapshot on its way to one peer: go-back-N with a small window. The next page of the state is read only when the
 * window has room, so memory holds a window and a page, whatever the size of the state.
 *
 * Resumable: a closed connection only pauses it. What the peer has not acknowledged is kept; its next answer says where
 * to go on. The first chunk travels alone: a peer that has acknowledged it and later does not know the transfer has
 * lost it (a restart), and its `refused` is final.
 */
export class OutgoingSnapshot {
  private view: CheckpointView | null = null;
  private snapshot: SnapshotMeta;
  private readonly encoder = new StateRowsEncoder();
  private isStoreBusy = false;
  private isExhausted = false;
  private isPaused = false;
  private isEnded = false;
  /** Chunks that the peer has not acknowledged, the first of them with sequence `acknowledged`. */
  private unacknowledged: SnapshotChunk[] = [];
  private acknowledged = 0;
  /** The chunk to be sent next; those before are on their way, as far as we know. */
  private nextToSend = 0;
  /** Kept to ask again while the peer installs. */
  private lastChunk: SnapshotChunk | null = null;
  private checksum = 0;
  private builtByteCount = 0;
  private progressAtMs: number;
  private heardAtMs: number;
  private retransmitAtMs = Infinity;
  private retransmitDelayMs: number;
  private storeCall: Promise<void> = Promise.resolve();

  constructor(private readonly options: OutgoingSnapshotOptions) {
    const nowMs = options.clock.nowMs();
    this.snapshot = options.wanted;
    this.progressAtMs = nowMs;
    this.heardAtMs = nowMs;
    this.retransmitDelayMs = options.timing.retransmitMinMs;
  }

  get to(): NodeId {
    return this.options.to;
  }

  get leaderTerm(): Term {
    return this.options.leaderTerm;
  }

  /** What is sent, or will be at least. */
  get meta(): SnapshotMeta {
    return this.snapshot;
  }

  get byteCount(): number {
    return this.builtByteCount;
  }

  begin(): void {
    this.callStore(
      () => this.options.checkpoints.openView(),
      (view) => this.opened(view),
    );
  }

  nextDeadlineMs(): number {
    return this.isEnded ? Infinity : Math.min(this.giveUpAtMs(), this.askDueMs());
  }

  expire(nowMs: number): void {
    if (this.isEnded) return;
    if (nowMs >= this.giveUpAtMs()) return this.end('the peer got no further in time');
    if (nowMs < this.askDueMs()) return;
    this.retransmitDelayMs = Math.min(2 * this.retransmitDelayMs, this.options.timing.retransmitMaxMs);
    this.ask();
  }

  progress({ transferId, nextSequence, state }: SnapshotProgress): void {
    if (this.isEnded || transferId !== this.options.transferId) return;
    this.heardAtMs = this.options.clock.nowMs();
    if (state === 'complete') return this.end(null);
    if (state === 'refused') return this.end('the peer refused it');
    if (nextSequence > this.acknowledged + this.unacknowledged.length) {
      return this.end('the peer acknowledged what was never sent');
    }
    // An answer that was overtaken, or one to a repeat.
    if (nextSequence <= this.acknowledged) return undefined;
    this.unacknowledged.splice(0, nextSequence - this.acknowledged);
    this.acknowledged = nextSequence;
    this.nextToSend = Math.max(this.nextToSend, nextSequence);
    this.progressAtMs = this.heardAtMs;
    this.retransmitDelayMs = this.options.timing.retransmitMinMs;
    this.restartRetransmitTimer();
    return this.pump();
  }

  pause(): void {
    this.isPaused = true;
  }

  /** The connection is back: asks at once where to go on. */
  resume(): void {
    if (!this.isPaused || this.isEnded) return;
    this.isPaused = false;
    this.ask();
  }

  /** Ends it without a word to anybody. */
  cancel(): void {
    this.isEnded = true;
    this.unacknowledged = [];
    this.lastChunk = null;
    this.retransmitAtMs = Infinity;
    if (!this.isStoreBusy) this.closeView();
  }

  /** Resolves when it has ended and the store holds nothing for it any more. */
  async released(): Promise<void> {
    while (this.isStoreBusy) await this.storeCall;
  }

  private end(problem: string | null): void {
    if (this.isEnded) return;
    this.cancel();
    this.options.onEnded(this, problem);
  }

  private giveUpAtMs(): number {
    const { giveUpMs, installMs } = this.options.timing;
    if (!this.isAllAcknowledged()) return this.progressAtMs + giveUpMs;
    return Math.min(this.heardAtMs + giveUpMs, this.progressAtMs + installMs);
  }

  /** Nothing is asked while nothing is on its way. */
  private askDueMs(): number {
    const isWaiting = this.unacknowledged.length > 0 || this.lastChunk !== null;
    return isWaiting && !this.isPaused ? this.retransmitAtMs : Infinity;
  }

  private isAllAcknowledged(): boolean {
    return this.lastChunk !== null && this.unacknowledged.length === 0;
  }

  private opened(view: CheckpointView | null): void {
    this.view = view;
    if (this.isEnded) return this.closeView();
    if (view === null || view.meta.index < this.options.wanted.index) {
      return this.end(`the store has no checkpoint at ${this.options.wanted.index} or later`);
    }
    this.snapshot = view.meta;
    return this.pump();
  }

  private pageRead(rows: readonly StateRow[] | null): void {
    if (this.isEnded) return this.closeView();
    if (rows === null) {
      this.isExhausted = true;
      this.closeView();
    } else this.encoder.add(rows);
    return this.pump();
  }

  /** Sends what the window allows, and reads on when it has room for more than is read. */
  private pump(): void {
    while (!this.isEnded && !this.isPaused) {
      const chunk = this.unacknowledged[this.nextToSend - this.acknowledged];
      if (chunk !== undefined) this.send(chunk);
      else if (this.lastChunk !== null || this.unacknowledged.length >= this.window()) return;
      else if (this.isExhausted || this.encoder.available > MAX_SNAPSHOT_CHUNK_BYTES) this.buildChunk();
      else return this.readPage();
    }
  }

  private window(): number {
    return this.acknowledged === 0 ? 1 : MAX_SNAPSHOT_CHUNKS_IN_FLIGHT;
  }

  /** Repeats the oldest chunk without an answer; the answer says what else must be sent again. */
  private ask(): void {
    const chunk = this.unacknowledged[0] ?? this.lastChunk;
    if (chunk === null) return this.pump();
    this.nextToSend = chunk.sequence;
    return this.send(chunk);
  }

  private send(chunk: SnapshotChunk): void {
    this.nextToSend = chunk.sequence + 1;
    this.restartRetransmitTimer();
    this.options.calls.send(this.options.to, chunk);
  }

  private restartRetransmitTimer(): void {
    this.retransmitAtMs = this.options.clock.nowMs() + this.retransmitDelayMs;
  }

  /** More than a chunk is there, or all that will ever be: so it is known whether this is the last one. */
  private buildChunk(): void {
    const { transferId, leaderTerm } = this.options;
    const data = this.encoder.take(MAX_SNAPSHOT_CHUNK_BYTES);
    this.checksum = crc32(data, this.checksum);
    this.builtByteCount += data.byteLength;
    const chunk: SnapshotChunk = {
      type: 'snapshotChunk',
      transferId,
      leaderTerm,
      snapshot: this.snapshot,
      sequence: this.acknowledged + this.unacknowledged.length,
      data,
      checksum: this.checksum,
      isLast: this.isExhausted && this.encoder.available === 0,
    };
    this.unacknowledged.push(chunk);
    if (chunk.isLast) this.lastChunk = chunk;
  }

  private readPage(): void {
    const { view } = this;
    if (view === null || this.isStoreBusy) return;
    this.callStore(
      () => view.nextPage(SNAPSHOT_PAGE_BYTES),
      (rows) => this.pageRead(rows),
    );
  }

  private closeView(): void {
    const { view } = this;
    if (view === null) return;
    this.view = null;
    this.callStore(
      () => closeQuietly(view),
      () => undefined,
    );
  }

  private callStore<Result>(call: () => Promise<Result>, done: (result: Result) => void): void {
    this.isStoreBusy = true;
    this.storeCall = this.awaitStore(call, done).catch((error: unknown) => this.options.calls.fail(error));
  }

  private async awaitStore<Result>(call: () => Promise<Result>, done: (result: Result) => void): Promise<void> {
    try {
      const result = await call();
      this.isStoreBusy = false;
      done(result);
    } catch (error) {
      this.isStoreBusy = false;
      // A store that is damaged or not ours any more ends the node: who leads on it could never bring this peer up to date.
      if (!(isRecoverable(error) || error instanceof StateRowsError)) throw error;
      if (this.isEnded) this.closeView();
      else this.end(error.message);
    }
    // There may be an earlier deadline now.
    this.options.calls.schedule();
  }
}

/** A view that cannot be closed has nothing more to do with what was sent. */
async function closeQuietly(view: CheckpointView): Promise<void> {
  try {
    await view.close();
  } catch (error) {
    if (!(error instanceof LogStoreError)) throw error;
  }
}
