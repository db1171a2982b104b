import { ReplicaError, type Clock, type Replica, type Timer } from '@latchkey/replica';

/**
 * What was applied is in the tables after this long at the latest, however little it is: for those who look at the node with
 * SQL, and so that a look for damage sees something of recent times. A node without writes saves nothing.
 */
export const CHECKPOINT_INTERVAL_MS = 10_000;

export type PeriodicCheckpointsOptions = {
  readonly clock: Clock;
  readonly replica: Pick<Replica<unknown>, 'checkpoint'>;
  /**
   * Which of the cluster's nodes this is, from 0 on: they begin one after the other. Nodes that are started together would else
   * save together, and every write would wait for nodes that are busy with it; so a majority of three never is.
   */
  readonly place: { readonly number: number; readonly of: number };
};

/** Asks for a checkpoint now and then, besides those that are due by the number of entries. */
export class PeriodicCheckpoints {
  private timer: Timer | null = null;
  private isStopped = false;

  constructor(private readonly options: PeriodicCheckpointsOptions) {}

  start(): void {
    const { number, of } = this.options.place;
    this.askAfter((CHECKPOINT_INTERVAL_MS * (number + 1)) / of);
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private askAfter(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.setTimer(delayMs, () => void this.ask());
  }

  private async ask(): Promise<void> {
    try {
      await this.options.replica.checkpoint();
    } catch (error) {
      // The store does not answer, or the node is no member at the moment: the next time may do better.
      if (!(error instanceof ReplicaError)) throw error;
    }
    this.askAfter(CHECKPOINT_INTERVAL_MS);
  }
}
