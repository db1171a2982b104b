import type { CheckpointStore, IdentityStore, LogStore } from '@latchkey/replica';
import { DiskAccess, type DiskHealth, type SimulatedDisk } from '../disk/disk-access.js';
import { DiskImage } from '../disk/disk-image.js';
import { SimulatedCheckpointStore } from '../disk/simulated-checkpoint-store.js';
import { SimulatedIdentityStore } from '../disk/simulated-identity-store.js';
import { SimulatedLogStore } from '../disk/simulated-log-store.js';
import { EventQueue } from '../world/event-queue.js';
import { Random } from '../world/random.js';
import { SimulatedProcess } from '../world/simulated-process.js';

const A_WHILE_MS = 10;
let places = 0;

export type SimulatedStores = {
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointStore;
  readonly identity: IdentityStore;
};

/** One simulated disk in a time of its own, which passes as long as somebody may be waiting: a place for conformance checks. */
export class SimulatedPlace {
  readonly health: DiskHealth = {
    latencyMs: () => 1,
    stalledUntilMs: 0,
    fullUntilMs: 0,
    errorRate: 0,
    unknownRate: 0,
    lieRate: 0,
    liesAboutLog: true,
  };
  readonly disk: SimulatedDisk = { image: new DiskImage(), health: this.health, owner: null };

  private readonly queue = new EventQueue();
  private readonly random: Random;
  private isDisposed = false;

  /** @param seed decides what becomes of what is interrupted */
  constructor(seed = 1) {
    places += 1;
    this.disk.image.identity = { ...this.disk.image.identity, storeId: `place ${places}` };
    this.random = new Random(seed, 'place');
    this.passTime();
  }

  async open(): Promise<SimulatedStores> {
    const { disk, queue, random } = this;
    const process = new SimulatedProcess(
      (run) => void queue.schedule(queue.nowMs, run),
      () => undefined,
    );
    const ignore = (): void => undefined;
    const world = {
      queue,
      random,
      newMark: () => random.bits48(),
      onWritten: ignore,
      onCheckpoint: ignore,
      onBegunAnew: ignore,
      committedChainAt: () => null,
    };
    const access = new DiskAccess(disk, process, world);
    return {
      logStore: new SimulatedLogStore(access),
      checkpoints: new SimulatedCheckpointStore(access),
      identity: new SimulatedIdentityStore(access),
    };
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }

  /** The next write ends without an answer. */
  async interruptNext(): Promise<void> {
    this.health.unknownRate = 1;
    const restore = this.health.latencyMs;
    this.health.latencyMs = () => {
      this.health.latencyMs = restore;
      this.queue.schedule(this.queue.nowMs + 2, () => {
        this.health.unknownRate = 0;
      });
      return 1;
    };
  }

  private passTime(): void {
    if (this.isDisposed) return;
    this.queue.runNext(this.queue.nowMs + A_WHILE_MS);
    setImmediate(() => this.passTime());
  }
}
