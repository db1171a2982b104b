import { persistId, type Effect, type PersistId } from '@latchkey/raft';
import { MAX_PERSIST_BATCH_BYTES, MAX_WAITING_SENDS } from './limits.js';
import { Outbox } from './outbox.js';
import type { PeerSender } from './peer-sender.js';
import { PersistPipeline, type DurableBatch } from './persist-pipeline.js';
import type { Clock } from './ports/clock.js';
import type { LogStore } from './ports/log-store.js';
import type { RaftCore } from './raft-core.js';

export type InstallEffect = Extract<Effect, { readonly type: 'installSnapshot' }>;

export type RaftRunOptions = {
  readonly core: RaftCore;
  readonly logStore: LogStore;
  readonly clock: Clock;
  readonly transport: PeerSender;
  readonly onDurable: (run: RaftRun, batch: DurableBatch) => void;
  readonly onInstalled: (run: RaftRun, effect: InstallEffect) => void;
  readonly onPersistFailed: (run: RaftRun, error: unknown) => void;
};

/**
 * One life of the Raft core, from what is durable until the store fails or the node stops, with everything that must
 * die with it: unsent messages and unwritten batches. Whatever comes back later names its run and is dropped if old.
 */
export class RaftRun {
  readonly core: RaftCore;
  private readonly persists: PersistPipeline;
  private readonly outbox: Outbox;
  private handedOutPersistId = persistId(0);
  private durablePersistId = persistId(0);

  constructor(private readonly options: RaftRunOptions) {
    this.core = options.core;
    this.outbox = new Outbox(options.transport, MAX_WAITING_SENDS);
    this.persists = new PersistPipeline({
      logStore: options.logStore,
      clock: options.clock,
      maxBatchBytes: MAX_PERSIST_BATCH_BYTES,
      onDurable: (batch) => options.onDurable(this, batch),
      onFailed: (error) => options.onPersistFailed(this, error),
    });
  }

  /** The last write that the core has asked for. Everything that it has handed out to be applied is in it or before. */
  get lastPersistId(): PersistId {
    return this.handedOutPersistId;
  }

  isDurable(id: PersistId): boolean {
    return id <= this.durablePersistId;
  }

  persist(effect: Extract<Effect, { readonly type: 'persist' }>): void {
    this.handedOutPersistId = effect.persistId;
    this.persists.add(effect);
  }

  /** `install` begins after the writes before it, and those after it wait for its end. */
  installSnapshot(effect: InstallEffect, install: () => Promise<void>): void {
    this.handedOutPersistId = effect.persistId;
    this.persists.addBarrier({ run: install, onDurable: () => this.options.onInstalled(this, effect) });
  }

  send(effect: Extract<Effect, { readonly type: 'send' }>): void {
    this.outbox.send(effect);
  }

  startNextPersist(): void {
    this.persists.startNext();
  }

  /** This write and all before it are durable: what waited for them may leave. */
  release(id: PersistId): void {
    this.durablePersistId = id;
    this.outbox.release(id);
  }

  /** Ends this life. Resolves when the store call under way has ended. */
  close(): Promise<void> {
    this.outbox.close();
    return this.persists.close();
  }
}
