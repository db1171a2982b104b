import { logIndex, nodeId, term, type SnapshotMeta } from '@latchkey/raft';
import type { CheckpointView, SnapshotStaging, StateRow } from '../ports/checkpoint-store.js';
import { LogStoreError, type LogStoreErrorCode } from '../ports/log-store.js';
import type { VirtualClock } from './virtual-clock.js';

export const metaAt = (index: number, inTerm = 1): SnapshotMeta => ({
  index: logIndex(index),
  term: term(inTerm),
  membership: { voters: [nodeId('n1'), nodeId('n2')], votersOutgoing: [], learners: [] },
});

/** The transferring half of a checkpoint store: rows to be read, rows that were staged; slow and broken on request. */
export class FakeCheckpoints {
  checkpoint: { readonly meta: SnapshotMeta; readonly rows: readonly StateRow[] } | null = null;
  readonly views: FakeView[] = [];
  readonly stagings: FakeStaging[] = [];
  /** Views that were asked for. */
  openings = 0;
  /** Stagings that were begun before the one before had ended. */
  overlaps = 0;
  /** Every call takes this long. */
  delayMs = 0;
  /** How many more calls work. */
  worksFor = Infinity;
  /** What those after them fail with. */
  failure: LogStoreErrorCode = 'unavailable';

  constructor(private readonly clock: VirtualClock) {}

  async openView(): Promise<CheckpointView | null> {
    this.openings += 1;
    await this.call();
    if (this.checkpoint === null) return null;
    const view = new FakeView(this, this.checkpoint);
    this.views.push(view);
    return view;
  }

  async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    if (this.stagings.some(({ isDiscarded, isInstalled }) => !isDiscarded && !isInstalled)) this.overlaps += 1;
    await this.call();
    const staging = new FakeStaging(this, snapshot);
    this.stagings.push(staging);
    return staging;
  }

  async call(): Promise<void> {
    if (this.delayMs > 0) await new Promise<void>((resolve) => this.clock.setTimer(this.delayMs, resolve));
    this.worksFor -= 1;
    if (this.worksFor < 0) throw new LogStoreError(this.failure, 'the store does not answer');
  }
}

class FakeView implements CheckpointView {
  readonly meta: SnapshotMeta;
  isClosed = false;
  readByteCount = 0;
  private position = 0;

  constructor(
    private readonly store: FakeCheckpoints,
    private readonly checkpoint: { readonly meta: SnapshotMeta; readonly rows: readonly StateRow[] },
  ) {
    this.meta = checkpoint.meta;
  }

  async nextPage(maxBytes: number): Promise<readonly StateRow[] | null> {
    await this.store.call();
    const page: StateRow[] = [];
    let byteCount = 0;
    for (let row = this.checkpoint.rows[this.position]; row !== undefined; row = this.checkpoint.rows[this.position]) {
      const size = row.key.byteLength + row.value.byteLength;
      if (page.length > 0 && byteCount + size > maxBytes) break;
      page.push(row);
      byteCount += size;
      this.position += 1;
    }
    this.readByteCount += byteCount;
    return page.length === 0 ? null : page;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

class FakeStaging implements SnapshotStaging {
  readonly rows: StateRow[] = [];
  isDiscarded = false;
  isInstalled = false;

  constructor(
    private readonly store: FakeCheckpoints,
    readonly snapshot: SnapshotMeta,
  ) {}

  async append(rows: readonly StateRow[]): Promise<void> {
    await this.store.call();
    if (this.isDiscarded) throw new Error('rows came after the staging was discarded');
    for (const { key, value } of rows) this.rows.push({ key: key.slice(), value: value.slice() });
  }

  async discard(): Promise<void> {
    this.isDiscarded = true;
  }
}
