import type { LogIndex, PersistId } from '../ids.js';
import type { LogEntry } from '../log-entry.js';
import type { Membership } from '../membership.js';
import { ensure } from './raft-oracle.js';
import type { VirtualDisk } from './virtual-disk.js';
import { VirtualState, type StateImage } from './virtual-state.js';

export type VirtualApplierOptions = {
  readonly disk: VirtualDisk;
  readonly initialMembership: Membership;
  /** Entries applied from one checkpoint to the next; null for none. */
  readonly checkpointEvery: number | null;
  /** Runs it after the time that a write takes, unless the process has ended by then. */
  readonly afterWrite: (run: () => void) => void;
  readonly onApply: (entries: readonly LogEntry[]) => void;
  /** What the state has become, by entries, a snapshot or a checkpoint. */
  readonly onState: (image: StateImage) => void;
  readonly onCheckpoint: (index: LogIndex) => void;
};

type Work =
  | { readonly type: 'apply'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'restore'; readonly image: StateImage; readonly afterPersist: PersistId };

/** Applies, restores and saves checkpoints, as a driver does beside a RaftNode. One checkpoint at a time. */
export class VirtualApplier {
  private readonly state: VirtualState;
  private readonly queue: Work[] = [];
  private durableId = 0;
  private saving: { readonly image: StateImage; isBeingWritten: boolean } | null = null;

  constructor(private readonly options: VirtualApplierOptions) {
    this.state = new VirtualState(options.initialMembership, options.disk.checkpoint);
  }

  apply(entries: readonly LogEntry[]): void {
    this.queue.push({ type: 'apply', entries });
    this.work();
  }

  /** Entries that come meanwhile wait until the snapshot is on disk. */
  restore(image: StateImage, afterPersist: PersistId): void {
    this.queue.push({ type: 'restore', image, afterPersist });
  }

  written(durableId: PersistId): void {
    this.durableId = durableId;
    this.work();
    this.saveCheckpoint();
  }

  private work(): void {
    for (;;) {
      const next = this.queue[0];
      if (next === undefined || (next.type === 'restore' && next.afterPersist > this.durableId)) break;
      this.queue.shift();
      if (next.type === 'restore') {
        this.state.restore(next.image);
      } else {
        this.options.onApply(next.entries);
        this.state.apply(next.entries);
      }
      this.options.onState(this.state.image);
    }
    this.beginCheckpoint();
  }

  private beginCheckpoint(): void {
    const { checkpointEvery, disk } = this.options;
    if (checkpointEvery === null || this.saving !== null) return;
    const { image } = this.state;
    if (image.meta.index - (disk.checkpoint?.meta.index ?? 0) < checkpointEvery) return;
    this.saving = { image, isBeingWritten: false };
    this.saveCheckpoint();
  }

  /** Not before the log is durable that far, else it would end before the checkpoint. */
  private saveCheckpoint(): void {
    const { saving, options } = this;
    const { disk } = options;
    if (saving === null || saving.isBeingWritten) return;
    const { index, term } = saving.image.meta;
    const isOvertaken = (): boolean => index <= (disk.checkpoint?.meta.index ?? 0);
    if (!isOvertaken() && disk.log.termAt(index) !== term) return;
    saving.isBeingWritten = true;
    options.afterWrite(() => {
      this.saving = null;
      if (!isOvertaken()) disk.checkpoint = saving.image;
      ensure(disk.log.lastIndex >= index, `the log on disk ends before the checkpoint at ${index}`);
      options.onCheckpoint(index);
    });
  }
}
