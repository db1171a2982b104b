import { invariant, InvariantViolation, type LogIndex, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import type { Applier } from './applier.js';
import { Checkpointer } from './checkpointer.js';
import type { SnapshotOffer } from './driver-calls.js';
import type { DriverParts } from './driver-parts.js';
import type { OwnProposals } from './own-proposals.js';
import { shuttingDown } from './pending-proposals.js';
import type { Clock } from './ports/clock.js';
import type { DurableState } from './ports/log-store.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { InstallEffect, RaftRun } from './raft-run.js';
import type { CheckpointOptions, ReplicaOptions } from './replica-api.js';
import { StateRestorer } from './state-restorer.js';

/** What the driver must hear of. */
export type StateCheckpointEvents = {
  readonly onSaved: (index: LogIndex) => void;
  /** The state machine has jumped to `meta`. */
  readonly onRestored: (meta: SnapshotMeta) => void;
  /** The machine could not be restored by a snapshot that is durable: the store must be loaded again. */
  readonly onRestoreFailed: (error: unknown) => void;
  /** The store must not be used any more. */
  readonly onFailed: (error: unknown) => void;
};

export type StateCheckpointsOptions<Outcome> = StateCheckpointEvents & {
  readonly checkpoints: CheckpointOptions<Outcome>;
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  readonly applier: Applier<Outcome>;
  readonly own: OwnProposals<Outcome>;
};

/** Null when the log is kept for ever. */
export function createStateCheckpoints<Outcome>(
  { checkpoints, clock, observer }: ReplicaOptions<Outcome>,
  { applier, own }: Pick<DriverParts<Outcome>, 'applier' | 'own'>,
  events: StateCheckpointEvents,
): StateCheckpoints<Outcome> | null {
  if (checkpoints === null) return null;
  return new StateCheckpoints({ ...events, checkpoints, clock, observer, applier, own });
}

/** A snapshot that the core has taken, until the machine holds its state. */
type TakenSnapshot = {
  readonly meta: SnapshotMeta;
  readonly offer: SnapshotOffer;
  /** Own proposals that were made before this may be inside it. */
  readonly ownMark: number;
  isInstalled: boolean;
};

/** The applied state outside of the log: saved from time to time, restored at a start, replaced by a leader's snapshot. */
export class StateCheckpoints<Outcome> {
  private readonly checkpointer: Checkpointer<Outcome>;
  private readonly restorer: StateRestorer<Outcome>;
  private readonly offers: SnapshotOffer[] = [];
  private offerInStep: SnapshotOffer | null = null;
  private taken: TakenSnapshot[] = [];
  private discarding: Promise<unknown> = Promise.resolve();
  private hasRun = false;

  constructor(private readonly options: StateCheckpointsOptions<Outcome>) {
    const { checkpoints, clock, observer, onSaved, onFailed } = options;
    this.checkpointer = new Checkpointer({ checkpoints, clock, observer, onSaved, onFailed });
    this.restorer = new StateRestorer({ checkpoints, clock, onRestored: (meta) => this.restored(meta) });
  }

  /** The latest durable checkpoint; 0 = none. */
  get savedIndex(): LogIndex {
    return this.checkpointer.savedIndex;
  }

  /** Brings the state machine to what is durable, unless it is there or beyond. @throws LogStoreError */
  async catchUpWith({ checkpoint }: DurableState): Promise<void> {
    if (checkpoint === null || checkpoint.index <= this.options.applier.appliedIndex) return;
    await this.restorer.restore(checkpoint.index);
  }

  begin(durable: DurableState, run: RaftRun): void {
    this.hasRun = true;
    this.checkpointer.begin(durable.checkpoint, run);
  }

  /** The run is over, and what it wanted of the store with it. Resolves when no call to the store is under way. */
  async endRun(): Promise<void> {
    this.hasRun = false;
    const lost = this.taken.filter(({ isInstalled }) => !isInstalled).map(({ offer }) => offer);
    if (this.offerInStep !== null) lost.push(this.offerInStep);
    lost.push(...this.offers.splice(0));
    this.taken = [];
    this.offerInStep = null;
    for (const offer of lost) offer.onEnded('lost');
    await Promise.all([this.checkpointer.suspend(), this.restorer.idle(), this.discarding]);
  }

  /** For good. */
  async close(): Promise<void> {
    this.checkpointer.requests.failAll(shuttingDown());
    await Promise.all([this.endRun(), this.restorer.cancel()]);
  }

  /** Entries were applied, or a checkpoint has ended: the next one may be due. */
  applied(): void {
    this.checkpointer.applied(this.options.applier);
  }

  /** See `Replica.checkpoint`. It is taken in the next turn. */
  request(): Promise<LogIndex> {
    const { appliedIndex } = this.options.applier;
    if (appliedIndex <= this.savedIndex) return Promise.resolve(this.savedIndex);
    return this.checkpointer.requests.add(appliedIndex);
  }

  takeRequested(): void {
    if (this.checkpointer.requests.wantedIndex > 0) this.applied();
  }

  logWritten(): void {
    this.checkpointer.logWritten();
  }

  compactLog(base: LogPosition): void {
    this.checkpointer.compactLog(base);
  }

  /** A snapshot of a leader, whole. */
  offer(offer: SnapshotOffer): void {
    if (this.hasRun) this.offers.push(offer);
    else offer.onEnded('lost');
  }

  /** Gives every snapshot that waits to the core, which takes it by the effect `installSnapshot`, or does not. */
  tellCore(stepCore: (offer: SnapshotOffer) => void): void {
    for (let offer = this.offers.shift(); offer !== undefined; offer = this.offers.shift()) {
      this.offerInStep = offer;
      stepCore(offer);
      if (this.offerInStep !== null) this.discard(offer);
      this.offerInStep = null;
    }
  }

  /** @throws InvariantViolation unless the core was told of this snapshot in this step */
  takenByCore(run: RaftRun, effect: InstallEffect): void {
    const offer = this.offerInStep;
    if (offer === null || offer.staging.snapshot.index !== effect.snapshot.index) {
      throw new InvariantViolation(`no snapshot at ${effect.snapshot.index} waits to be installed`);
    }
    this.offerInStep = null;
    const { applier, own } = this.options;
    this.taken.push({ meta: effect.snapshot, offer, ownMark: own.latestSequence, isInstalled: false });
    applier.enqueueSnapshot(effect.snapshot);
    run.installSnapshot(effect, () => this.install(offer, effect));
  }

  /** What was to be installed first is durable. */
  installed(): void {
    const snapshot = this.taken.find(({ isInstalled }) => !isInstalled);
    invariant(snapshot !== undefined, 'a snapshot was installed that nobody wanted');
    snapshot.isInstalled = true;
    this.options.applier.installed();
    snapshot.offer.onEnded('installed');
  }

  /** Begins to restore the machine by a snapshot that is durable, once everything committed before it is applied. */
  restoreNext(): void {
    const meta = this.options.applier.awaitedSnapshot;
    const next = this.taken[0];
    if (meta === null || next?.isInstalled !== true || this.restorer.isRestoring) return;
    this.restorer.restore(meta.index).catch((error: unknown) => this.options.onRestoreFailed(error));
  }

  private async install({ staging }: SnapshotOffer, { hardState, keepsTail }: InstallEffect): Promise<void> {
    // A checkpoint of the old state that came after the snapshot would spoil its rows.
    await this.checkpointer.suspend();
    await this.options.checkpoints.store.installSnapshot({ staging, hardState, keepsTail });
  }

  private restored(meta: SnapshotMeta): void {
    const { applier, own, onRestored } = this.options;
    applier.restored(meta);
    this.checkpointer.restored(meta, applier);
    for (let next = this.taken[0]; next !== undefined && next.meta.index <= meta.index; next = this.taken[0]) {
      // Their entries may have been among those that never came here.
      own.failSentUpTo(next.ownMark, 'the leader has sent its state instead of the entries');
      this.taken.shift();
    }
    if (this.hasRun && this.taken.length === 0) this.checkpointer.resume();
    onRestored(meta);
  }

  private discard(offer: SnapshotOffer): void {
    this.discarding = offer.staging
      .discard()
      .catch((error: unknown) => {
        this.options.observer.warning?.('a snapshot that is not needed could not be discarded', {
          error: String(error),
        });
      })
      .then(() => offer.onEnded('notNeeded'));
  }
}
