import { ReplicaError, type Clock, type Replica, type Timer } from '@latchkey/replica';

/**
 * What was applied is in the tables after this long at the latest, however little it is: for those who look at the node with
 * SQL, and so that a look for damage sees something of recent times. A node without writes saves nothing.
 */
export const CHECKPOINT_INTERVAL_MS = 10_000;

export type PeriodicCheckpointsOptions = {
  readonly clock: Clock;
  readonly replica: Pick<Replica<unknown>, 'checkpoint'>;
};

/** Asks for a checkpoint now and then, besides those that are due by the number of entries. */
export class PeriodicCheckpoints {
  private timer: Timer | null = null;
  private isStopped = false;

  constructor(private readonly options: PeriodicCheckpointsOptions) {}

  start(): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.setTimer(CHECKPOINT_INTERVAL_MS, () => void this.ask());
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private async ask(): Promise<void> {
    try {
      await this.options.replica.checkpoint();
    } catch (error) {
      // The store does not answer, or the node is no member at the moment: the next time may do better.
      if (!(error instanceof ReplicaError)) throw error;
    }
    this.start();
  }
}
