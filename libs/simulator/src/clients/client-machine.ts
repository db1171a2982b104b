import type { Clock, Timer } from '@latchkey/sdk-core';
import type { EventQueue } from '../world/event-queue.js';
import { SimulatedProcess } from '../world/simulated-process.js';

/** Where a client program runs: a process that may be paused, and the clock port of the SDK, which may drift. */
export class ClientMachine implements Clock {
  readonly process: SimulatedProcess;

  constructor(
    private readonly queue: EventQueue,
    /** Milliseconds of its monotonic clock per true millisecond. */
    readonly rate: number,
  ) {
    this.process = new SimulatedProcess(
      (run) => void queue.schedule(queue.nowMs, run),
      () => undefined,
    );
  }

  nowMs(): number {
    return this.queue.nowMs * this.rate;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const event = this.queue.schedule(this.queue.nowMs + delayMs / this.rate, () => this.process.run(callback));
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  defer(callback: () => void): void {
    this.queue.schedule(this.queue.nowMs, () => this.process.run(callback));
  }
}
