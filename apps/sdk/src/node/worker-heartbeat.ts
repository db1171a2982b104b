import { Worker } from 'node:worker_threads';
import type { Heartbeat, RenewalClock } from '../ports/heartbeat.js';
// Types only, so the file is not run here; but the compiler learns from it that the worker's file belongs to every program with this one.
import type { FromHeartbeatWorker, HeartbeatWorkerData, ToHeartbeatWorker } from './heartbeat.worker.js';

export type WorkerHeartbeatParts = HeartbeatWorkerData & {
  readonly file: URL;
  /** Renews in this thread; called if the worker cannot run. */
  readonly fallback: () => Heartbeat;
};

/** Renewals from a thread of their own, so that a busy event loop does not lose the session. */
export class WorkerHeartbeat implements Heartbeat {
  onGone: ((leaseId: string) => void) | null = null;
  readonly #worker: Worker;
  readonly #kept = new Map<string, { readonly ttlMs: number; readonly sentAt: BigInt64Array }>();
  readonly #fallbackClocks = new Map<string, RenewalClock>();
  #fallback: Heartbeat | null = null;
  #closed = false;

  constructor(private readonly parts: WorkerHeartbeatParts) {
    const workerData: HeartbeatWorkerData = { endpoints: parts.endpoints, clientName: parts.clientName };
    // Without the application's flags (--inspect, --import of a loader): it needs none of them.
    this.#worker = new Worker(parts.file, { workerData, execArgv: [], name: 'latchkey-heartbeat' });
    // The client's own connection keeps the process alive, not the heartbeat.
    this.#worker.unref();
    this.#worker.on('message', (message: FromHeartbeatWorker) => this.onGone?.(message.leaseId));
    this.#worker.on('error', () => this.#fallBack());
    this.#worker.on('exit', () => this.#fallBack());
  }

  get thread(): 'worker' | 'main' {
    return this.#fallback === null ? 'worker' : 'main';
  }

  keep(leaseId: string, ttlMs: number): RenewalClock {
    const shared = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
    const sentAt = new BigInt64Array(shared);
    this.#kept.set(leaseId, { ttlMs, sentAt });
    if (this.#fallback === null) this.#post({ type: 'keep', leaseId, ttlMs, sentAt: shared });
    else this.#fallbackClocks.set(leaseId, this.#fallback.keep(leaseId, ttlMs));
    return {
      lastSentAtMs: () => {
        const sentAtNs = Atomics.load(sentAt, 0);
        const byWorker = sentAtNs === 0n ? Number.NEGATIVE_INFINITY : Number(sentAtNs) / 1e6;
        return Math.max(byWorker, this.#fallbackClocks.get(leaseId)?.lastSentAtMs() ?? Number.NEGATIVE_INFINITY);
      },
    };
  }

  drop(leaseId: string): void {
    if (!this.#kept.delete(leaseId)) return;
    this.#fallbackClocks.delete(leaseId);
    if (this.#fallback === null) this.#post({ type: 'drop', leaseId });
    else this.#fallback.drop(leaseId);
  }

  close(): void {
    this.#closed = true;
    this.#fallback?.close();
    void this.#worker.terminate();
  }

  #post(message: ToHeartbeatWorker): void {
    this.#worker.postMessage(message);
  }

  #fallBack(): void {
    if (this.#closed || this.#fallback !== null) return;
    const fallback = this.parts.fallback();
    this.#fallback = fallback;
    fallback.onGone = (leaseId) => this.onGone?.(leaseId);
    for (const [leaseId, { ttlMs }] of this.#kept) this.#fallbackClocks.set(leaseId, fallback.keep(leaseId, ttlMs));
  }
}
