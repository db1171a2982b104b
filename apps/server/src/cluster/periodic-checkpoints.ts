import { ReplicaError, type Clock, type Replica, type Timer } from '@latchkey/replica';

/**
 * What was applied is in the tables after this long, however little it is: for those who look at the node with SQL, and so
 * that a look for damage sees something of recent times. A node without writes saves nothing.
 */
export const CHECKPOINT_INTERVAL_MS = 10_000;

/**
 * A node with more new revisions than this in an interval lets some intervals pass. Half a minute of such writes costs little
 * more to save than ten seconds of them, because most of the versions are gone by then.
 */
export const BUSY_REVISIONS = 10_000;
export const MAX_INTERVALS_PASSED = 2;

export type PeriodicCheckpointsOptions = {
  readonly clock: Clock;
  readonly replica: Pick<Replica<unknown>, 'checkpoint'>;
  /** The last durable checkpoint, and the revision of the applied state. */
  readonly progress: () => { readonly checkpointIndex: number; readonly revision: number };
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
  /** At the end of the last interval. */
  private seen = { checkpointIndex: 0, revision: 0, isBusy: false };
  private passedCount = 0;

  constructor(private readonly options: PeriodicCheckpointsOptions) {}

  start(): void {
    const { number, of } = this.options.place;
    this.seen = { ...this.options.progress(), isBusy: false };
    this.waitFor((CHECKPOINT_INTERVAL_MS * (number + 1)) / of);
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private waitFor(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.setTimer(delayMs, () => void this.intervalEnded());
  }

  private async intervalEnded(): Promise<void> {
    if (!this.letPass()) await this.ask();
    this.waitFor(CHECKPOINT_INTERVAL_MS);
  }

  private async ask(): Promise<void> {
    this.passedCount = 0;
    try {
      await this.options.replica.checkpoint();
    } catch (error) {
      // The store does not answer, or the node is no member at the moment: the next time may do better.
      if (!(error instanceof ReplicaError)) throw error;
    }
  }

  /**
   * The first busy interval is not let pass: its checkpoint is what puts the nodes at a distance when load begins, also in
   * those that are due by their size, which all nodes would else reach with the same entry.
   */
  private letPass(): boolean {
    const { checkpointIndex, revision } = this.options.progress();
    const before = this.seen;
    this.seen = { checkpointIndex, revision, isBusy: revision - before.revision > BUSY_REVISIONS };
    if (!this.seen.isBusy || !before.isBusy) return false;
    this.passedCount = checkpointIndex > before.checkpointIndex ? 1 : this.passedCount + 1;
    return this.passedCount <= MAX_INTERVALS_PASSED;
  }
}
