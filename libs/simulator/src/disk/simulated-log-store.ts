import { LogStoreError, type DurableState, type LogStore, type PersistBatch } from '@latchkey/replica';
import type { Random } from '../world/random.js';
import type { EventQueue } from '../world/event-queue.js';
import type { SimulatedProcess } from '../world/simulated-process.js';
import type { DiskImage, DiskWrite } from './disk-image.js';

/** What is wrong with a disk at the moment; changed by faults. */
export type DiskHealth = {
  /** True time a write or a load takes. */
  latencyMs: () => number;
  /** Nothing ends before this true time. */
  stalledUntilMs: number;
  /** Every write fails, unwritten, until this true time. */
  fullUntilMs: number;
  /** Of the writes, how many fail without being written. */
  errorRate: number;
  /** Of the writes, how many end without an answer: half of them written. */
  unknownRate: number;
  /** Of the writes, how many are called durable and are not: breaks the promise of the port, to show that it is noticed. */
  lieRate: number;
};

export type SimulatedDisk = { readonly image: DiskImage; readonly health: DiskHealth };

export type LogStoreWorld = {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly onWritten: (write: DiskWrite) => void;
};

/** The store port of one process, on a disk that outlives it. */
export class SimulatedLogStore implements LogStore {
  private inFlight: PersistBatch | null = null;
  private isClosed = false;

  constructor(
    private readonly disk: SimulatedDisk,
    private readonly process: SimulatedProcess,
    private readonly world: LogStoreWorld,
  ) {}

  load(): Promise<DurableState> {
    return new Promise((resolve, reject) => {
      if (!this.process.portCalled()) return;
      this.later(() => {
        const { image } = this.disk;
        if (this.fails()) reject(new LogStoreError('unavailable', 'the simulated store cannot be read now'));
        else resolve({ hardState: image.hardState, entries: image.copyOfEntries() });
      });
    });
  }

  persist(batch: PersistBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.process.portCalled() || this.isClosed) return;
      const { queue, random } = this.world;
      this.inFlight = batch;
      this.onDisk(() => {
        if (this.inFlight !== batch) return;
        this.inFlight = null;
        if (queue.nowMs < this.disk.health.fullUntilMs || random.chance(this.disk.health.errorRate)) {
          this.process.run(() => reject(new LogStoreError('unavailable', 'the simulated disk refuses to write')));
          return;
        }
        if (random.chance(this.disk.health.lieRate)) {
          this.process.run(resolve);
          return;
        }
        const isUnknown = random.chance(this.disk.health.unknownRate);
        if (!isUnknown || random.chance(0.5)) this.world.onWritten(this.disk.image.write(batch));
        if (isUnknown) this.process.run(() => reject(new LogStoreError('outcomeUnknown', 'the connection closed')));
        else this.process.run(resolve);
      });
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** The process has crashed: of a write that was under way nobody knows what became of it. */
  crashed(): void {
    const batch = this.inFlight;
    this.inFlight = null;
    if (batch !== null && this.world.random.chance(0.5)) this.world.onWritten(this.disk.image.write(batch));
  }

  private fails(): boolean {
    return this.world.random.chance(this.disk.health.errorRate);
  }

  private later(callback: () => void): void {
    this.onDisk(() => this.process.run(callback));
  }

  /** A stall holds what is under way as well as what comes. */
  private onDisk(callback: () => void): void {
    const { queue } = this.world;
    const finish = (): void => {
      const { stalledUntilMs } = this.disk.health;
      if (queue.nowMs < stalledUntilMs) queue.schedule(stalledUntilMs, finish);
      else callback();
    };
    queue.schedule(queue.nowMs + this.disk.health.latencyMs(), finish);
  }
}
