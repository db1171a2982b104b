import type { NodeId, SnapshotMeta, Term } from '@latchkey/raft';
import { crc32 } from './crc32.js';
import type { DriverCalls } from './driver-calls.js';
import { Fifo } from './fifo.js';
import { MAX_SNAPSHOT_CHUNK_BYTES, MAX_SNAPSHOT_CHUNKS_TO_STAGE } from './limits.js';
import type { SnapshotChunk } from './outgoing-snapshot.js';
import type { CheckpointStore, SnapshotStaging } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import { StateRowsDecoder, StateRowsError } from './state-rows-codec.js';
import { isRecoverable } from './store-reload.js';

export type IncomingSnapshotOptions = {
  readonly from: NodeId;
  readonly first: SnapshotChunk;
  /** The staging before this one; it lets go of the store first. */
  readonly predecessor: Promise<void>;
  readonly checkpoints: Pick<CheckpointStore, 'stageSnapshot'>;
  readonly calls: DriverCalls;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly idleMs: number;
  /** All of it is in the staging area. At most one of the two, once, and not after `cancel`. */
  readonly onWhole: (transfer: IncomingSnapshot, staging: SnapshotStaging) => void;
  readonly onFailed: (transfer: IncomingSnapshot, problem: string) => void;
};

/**
 * One snapshot on its way in: takes chunks in order, checks them, and acknowledges each when its rows are in the staging
 * area. Memory holds a bounded number of chunks; more are not taken, so that the sender has to wait for our store.
 */
export class IncomingSnapshot {
  private readonly decoder = new StateRowsDecoder();
  private readonly queue = new Fifo<SnapshotChunk>();
  private staging: SnapshotStaging | null = null;
  private isBusy = false;
  private isEnded = false;
  private isWhole = false;
  /** Chunks taken, and those of them that are staged. */
  private takenCount = 0;
  private stagedCount = 0;
  private hasLast = false;
  private checksum = 0;
  private takenByteCount = 0;
  private heardAtMs: number;
  private storeCall: Promise<void>;

  constructor(private readonly options: IncomingSnapshotOptions) {
    this.heardAtMs = options.clock.nowMs();
    this.storeCall = options.predecessor;
  }

  get from(): NodeId {
    return this.options.from;
  }

  get transferId(): number {
    return this.options.first.transferId;
  }

  get leaderTerm(): Term {
    return this.options.first.leaderTerm;
  }

  get meta(): SnapshotMeta {
    return this.options.first.snapshot;
  }

  get byteCount(): number {
    return this.takenByteCount;
  }

  /** The driver has it and decides about it: nothing may take its place. */
  get isOffered(): boolean {
    return this.isWhole;
  }

  /** A repeat, or one after a gap, changes nothing and is answered with what is waited for. */
  take(chunk: SnapshotChunk): void {
    if (this.isEnded) return;
    this.heardAtMs = this.options.clock.nowMs();
    const isNext = chunk.sequence === this.takenCount && !this.hasLast;
    if (!isNext || this.queue.size >= MAX_SNAPSHOT_CHUNKS_TO_STAGE) {
      this.answer();
      return;
    }
    const checksum = crc32(chunk.data, this.checksum);
    const problem = this.problemOf(chunk, checksum);
    if (problem !== null) {
      this.fail(problem);
      return;
    }
    this.checksum = checksum;
    this.takenCount += 1;
    this.takenByteCount += chunk.data.byteLength;
    this.hasLast = chunk.isLast;
    this.queue.push(chunk);
    this.stageNext();
  }

  /** Our own store is not the sender's silence. */
  nextDeadlineMs(): number {
    return this.isEnded || this.isWhole || this.isBusy ? Infinity : this.heardAtMs + this.options.idleMs;
  }

  expire(nowMs: number): void {
    if (nowMs >= this.nextDeadlineMs()) this.fail('its sender has gone silent');
  }

  /** Drops it without a word; `released` tells when the store holds nothing of it any more. */
  cancel(): void {
    this.isEnded = true;
    this.queue.clear();
    if (!this.isBusy) this.discard();
  }

  /** The driver has done away with the staging. */
  consumed(): void {
    this.isEnded = true;
    this.staging = null;
  }

  async released(): Promise<void> {
    while (this.isBusy) await this.storeCall;
  }

  private problemOf(chunk: SnapshotChunk, checksum: number): string | null {
    if (chunk.data.byteLength > MAX_SNAPSHOT_CHUNK_BYTES) return `a chunk has ${chunk.data.byteLength} bytes`;
    if (chunk.checksum !== checksum) return 'its checksum is wrong';
    const { index, term } = chunk.snapshot;
    if (index !== this.meta.index || term !== this.meta.term) return 'it became another snapshot on its way';
    return null;
  }

  private answer(): void {
    this.options.calls.send(this.from, {
      type: 'snapshotProgress',
      transferId: this.transferId,
      nextSequence: this.stagedCount,
      state: 'receiving',
    });
  }

  private fail(problem: string): void {
    if (this.isEnded) return;
    this.cancel();
    this.options.onFailed(this, problem);
  }

  private stageNext(): void {
    if (!this.isBusy) this.callStore(() => this.stageQueued());
  }

  private async stageQueued(): Promise<void> {
    await this.options.predecessor;
    if (this.isEnded) return;
    this.staging ??= await this.options.checkpoints.stageSnapshot(this.meta);
    for (let chunk = this.queue.shift(); chunk !== undefined; chunk = this.queue.shift()) {
      const rows = this.decoder.push(chunk.data);
      if (rows.length > 0) await this.staging.append(rows);
      if (this.isEnded) return;
      this.stagedCount += 1;
      this.heardAtMs = this.options.clock.nowMs();
      this.answer();
      if (!chunk.isLast) continue;
      this.decoder.finish();
      this.isWhole = true;
      this.options.onWhole(this, this.staging);
    }
  }

  private discard(): void {
    const { staging } = this;
    if (staging === null) return;
    this.staging = null;
    this.callStore(() => staging.discard());
  }

  private callStore(call: () => Promise<void>): void {
    this.isBusy = true;
    this.storeCall = this.awaitStore(call).catch((error: unknown) => this.options.calls.fail(error));
  }

  private async awaitStore(call: () => Promise<void>): Promise<void> {
    try {
      await call();
      this.isBusy = false;
    } catch (error) {
      this.isBusy = false;
      if (!(isRecoverable(error) || error instanceof StateRowsError)) throw error;
      this.fail(error.message);
    }
    if (this.isEnded && !this.isBusy) this.discard();
    this.options.calls.schedule();
  }
}
