import type { Clock, Timer } from '@latchkey/replica';
import type { EventQueue } from '../world/event-queue.js';
import type { SimulatedProcess } from '../world/simulated-process.js';

const WALL_TIME_AT_START_MS = 1_700_000_000_000;

/** How a machine keeps time; changed by faults, shared by all processes that run on it. */
export type MachineTime = {
  /** Milliseconds of its monotonic clock per true millisecond. */
  readonly rate: number;
  /** True time that its monotonic clock has missed, as in a suspended virtual machine. */
  lostMs: number;
  wallOffsetMs: number;
  /** How long a turn waits for the CPU. */
  turnDelayMs: () => number;
};

/** The clock port of one process. */
export class NodeClock implements Clock {
  constructor(
    private readonly queue: EventQueue,
    private readonly process: SimulatedProcess,
    private readonly machine: MachineTime,
    private readonly onTurnEnded: () => void,
  ) {}

  nowMs(): number {
    return (this.queue.nowMs - this.machine.lostMs) * this.machine.rate;
  }

  wallTimeMs(): number {
    return WALL_TIME_AT_START_MS + Math.floor(this.queue.nowMs + this.machine.wallOffsetMs);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (!this.process.portCalled()) return { cancel: () => undefined };
    const dueMs = this.queue.nowMs + delayMs / this.machine.rate;
    const event = this.queue.schedule(dueMs, () => this.process.run(callback));
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  defer(callback: () => void): void {
    if (!this.process.portCalled()) return;
    const turn = (): void => {
      callback();
      this.onTurnEnded();
    };
    this.queue.schedule(this.queue.nowMs + this.machine.turnDelayMs(), () => this.process.run(turn));
  }
}
