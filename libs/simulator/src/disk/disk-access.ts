import { InvariantViolation } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import type { EventQueue } from '../world/event-queue.js';
import type { Random } from '../world/random.js';
import type { SimulatedProcess } from '../world/simulated-process.js';
import type { CheckpointWrite, DiskImage, DiskWrite } from './disk-image.js';

/** What is wrong with a disk at the moment; changed by faults. */
export type DiskHealth = {
  /** True time a write or a load takes. */
  latencyMs: () => number;
  /** Nothing ends before this true time. */
  stalledUntilMs: number;
  /** Every write fails, unwritten, until this true time. */
  fullUntilMs: number;
  /** Of the calls, how many fail without an effect. */
  errorRate: number;
  /** Of the writes, how many end without an answer: half of them written. */
  unknownRate: number;
  /** Of the writes, how many are called durable and are not: breaks the promise of the port, to show that it is noticed. */
  lieRate: number;
  /** Else it lies about checkpoints alone. */
  liesAboutLog: boolean;
};

export type SimulatedDisk = {
  readonly image: DiskImage;
  readonly health: DiskHealth;
  /** Who has loaded it last: nobody else may use it. */
  owner: DiskAccess | null;
};

export type DiskWorld = {
  readonly queue: EventQueue;
  readonly random: Random;
  /** Of a claim. */
  readonly newMark: () => number;
  readonly onWritten: (write: DiskWrite) => void;
  readonly onCheckpoint: (write: CheckpointWrite) => void;
  /** The history that was on it was given up, by the process itself. */
  readonly onBegunAnew: () => void;
  /** The committed log up to `index`, as its chain; null when nobody has committed that. */
  readonly committedChainAt: (index: number) => number | null;
};

const STALL_LOOK_MS = 200;

/** One write, as it happens on the disk: all of it, at one moment. */
type Write = { readonly kind: WriteKind; readonly run: () => void };
type WriteKind = 'persist' | 'save' | 'compact' | 'install' | 'identity';

/** The way of one process to its disk: what both of its stores share. */
export class DiskAccess {
  private readonly inFlight = new Set<Write>();
  private isClosed = false;

  constructor(
    readonly disk: SimulatedDisk,
    readonly process: SimulatedProcess,
    readonly world: DiskWorld,
  ) {}

  /** A port breaks its promise anyway: what the driver then does to it says nothing. */
  get isLying(): boolean {
    return this.disk.health.lieRate > 0;
  }

  /** Others that were there before can do nothing more. */
  claim(): void {
    this.disk.owner = this;
    this.disk.image.claim(this.world.newMark());
  }

  /** What `run` gives when the disk has been asked. @throws LogStoreError */
  read<Result>(run: () => Result, mustOwn = true): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (!this.process.portCalled() || this.isClosed) return;
      this.afterLatency(() => {
        this.process.run(() => {
          try {
            if (this.world.random.chance(this.disk.health.errorRate)) {
              throw new LogStoreError('unavailable', 'the simulated store cannot be read now');
            }
            if (mustOwn) this.assertOwner();
            resolve(run());
          } catch (error) {
            reject(error);
          }
        });
      });
    });
  }

  /** Once `run` has happened. @throws LogStoreError, after which it may have happened or not, as its code says */
  write(kind: WriteKind, run: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.process.portCalled() || this.isClosed) return;
      if (!this.isAlone(kind)) return reject(new InvariantViolation(`${kind} while another write is under way`));
      const write = { kind, run };
      this.inFlight.add(write);
      this.afterLatency(() => {
        if (!this.inFlight.delete(write)) return;
        try {
          this.end(write, resolve, reject);
        } catch (error) {
          this.process.run(() => reject(error));
        }
      });
    });
  }

  close(): void {
    this.isClosed = true;
  }

  /** The process has crashed: of the writes that were under way nobody knows what became of them. */
  crashed(): void {
    const { random } = this.world;
    for (const write of this.inFlight) if (random.chance(0.5)) write.run();
    this.inFlight.clear();
  }

  private end(write: Write, resolve: () => void, reject: (error: unknown) => void): void {
    const { queue, random } = this.world;
    const { health } = this.disk;
    this.assertOwner();
    if (queue.nowMs < health.fullUntilMs || random.chance(health.errorRate)) {
      this.process.run(() => reject(new LogStoreError('unavailable', 'the simulated disk refuses to write')));
      return;
    }
    const mayLie = health.liesAboutLog || write.kind !== 'persist';
    if (mayLie && random.chance(health.lieRate)) return this.process.run(resolve);
    const isUnknown = random.chance(health.unknownRate);
    if (!isUnknown || random.chance(0.5)) write.run();
    if (isUnknown) this.process.run(() => reject(new LogStoreError('outcomeUnknown', 'the connection closed')));
    else this.process.run(resolve);
  }

  private assertOwner(): void {
    if (this.disk.owner !== this) throw new LogStoreError('fenced', 'another process has loaded this disk since');
  }

  /** The promise of the ports' callers: one `persist` at a time, and none beside an installation. */
  private isAlone(kind: WriteKind): boolean {
    if (kind !== 'persist' && kind !== 'install') return true;
    for (const other of this.inFlight) if (other.kind === 'persist' || other.kind === 'install') return false;
    return true;
  }

  /** A stall holds what is under way as well as what comes. */
  private afterLatency(callback: () => void): void {
    const { queue } = this.world;
    const finish = (): void => {
      const { stalledUntilMs } = this.disk.health;
      // Looked at again meanwhile: when all faults end, stalls end early.
      if (queue.nowMs < stalledUntilMs) queue.schedule(Math.min(stalledUntilMs, queue.nowMs + STALL_LOOK_MS), finish);
      else callback();
    };
    queue.schedule(queue.nowMs + this.disk.health.latencyMs(), finish);
  }
}
