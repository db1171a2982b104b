import type { Input, LogIndex } from '@latchkey/raft';
import type { DurableWatermark } from './store-reload.js';
import type { DurableBatch } from './persist-pipeline.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { InstallEffect, RaftRun } from './raft-run.js';

export type RunReportsOptions = {
  readonly currentRun: () => RaftRun | null;
  readonly watermark: DurableWatermark;
  readonly checkpoints: {
    logWritten(): void;
    installed(): void;
    applied(): void;
  } | null;
  readonly observer: ReplicaObserver;
  readonly step: (input: Input) => void;
};

/** What the disk has done, told to the core. A run that is over has nothing to tell: the next began with what it had done. */
export class RunReports {
  constructor(private readonly options: RunReportsOptions) {}

  durable(run: RaftRun, batch: DurableBatch): void {
    const { watermark, observer, step, checkpoints } = this.options;
    if (run !== this.options.currentRun()) return;
    watermark.persisted(batch);
    const { byteCount, durationMs, entries, lastPersistId } = batch;
    observer.persisted?.({ entryCount: entries.length, byteCount, durationMs });
    run.release(lastPersistId);
    step({ type: 'persisted', persistId: lastPersistId });
    checkpoints?.logWritten();
  }

  installed(run: RaftRun, effect: InstallEffect): void {
    const { watermark, step, checkpoints } = this.options;
    if (run !== this.options.currentRun()) return;
    watermark.installed(effect);
    checkpoints?.installed();
    run.release(effect.persistId);
    step({ type: 'persisted', persistId: effect.persistId });
  }

  checkpointed(run: RaftRun | null, index: LogIndex): void {
    const { watermark, step, checkpoints } = this.options;
    if (run === null || run !== this.options.currentRun()) return;
    watermark.checkpointed(index);
    step({ type: 'checkpointed', index });
    checkpoints?.applied();
  }
}
