import { logIndex, type LogIndex } from '@latchkey/raft';
import { CHECKPOINT_REQUEST_TIMEOUT_MS, MAX_CHECKPOINT_REQUESTS } from './limits.js';
import { overloaded } from './pending-proposals.js';
import type { Clock, Timer } from './ports/clock.js';
import { ReplicaError } from './replica-error.js';

type Waiter = {
  readonly index: LogIndex;
  readonly timer: Timer;
  readonly resolve: (savedIndex: LogIndex) => void;
  readonly reject: (error: ReplicaError) => void;
};

/** Callers that wait for a checkpoint at or beyond an index. They share the checkpoints that are taken. */
export class CheckpointRequests {
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly clock: Clock) {}

  /** The furthest index that somebody waits for; 0 = nobody waits. */
  get wantedIndex(): LogIndex {
    let wanted = logIndex(0);
    for (const { index } of this.waiters) if (index > wanted) wanted = index;
    return wanted;
  }

  /** @throws ReplicaError (as a rejection) OVERLOADED, also when none was saved in time; nothing was done then */
  add(index: LogIndex): Promise<LogIndex> {
    if (this.waiters.size >= MAX_CHECKPOINT_REQUESTS) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimer(CHECKPOINT_REQUEST_TIMEOUT_MS, () => {
        this.waiters.delete(waiter);
        reject(tooSlow());
      });
      const waiter: Waiter = { index, timer, resolve, reject };
      this.waiters.add(waiter);
    });
  }

  /** A checkpoint at `savedIndex` is durable. */
  saved(savedIndex: LogIndex): void {
    for (const waiter of this.waiters) {
      if (waiter.index > savedIndex) continue;
      this.end(waiter);
      waiter.resolve(savedIndex);
    }
  }

  failAll(error: ReplicaError): void {
    for (const waiter of this.waiters) {
      this.end(waiter);
      waiter.reject(error);
    }
  }

  private end(waiter: Waiter): void {
    waiter.timer.cancel();
    this.waiters.delete(waiter);
  }
}

const tooSlow = (): ReplicaError =>
  new ReplicaError('OVERLOADED', 'safe', `no checkpoint was saved within ${CHECKPOINT_REQUEST_TIMEOUT_MS} ms`);
