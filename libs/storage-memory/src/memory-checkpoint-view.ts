import { invariant, type SnapshotMeta } from '@latchkey/raft';
import type { CheckpointView, StateRow } from '@latchkey/replica';
import type { RowsByKey } from './memory-disk.js';
import { copyOfRow } from './memory-rows.js';

/** Holds on to the rows that there are now; a save replaces rows and never changes one. */
export class MemoryCheckpointView implements CheckpointView {
  private readonly rows: StateRow[];
  private position = 0;
  private isClosed = false;

  constructor(
    readonly meta: SnapshotMeta,
    rowsByKey: RowsByKey,
  ) {
    const inOrder = [...rowsByKey].sort(([one], [two]) => (one < two ? -1 : 1));
    this.rows = inOrder.map(([, row]) => row);
  }

  async nextPage(maxBytes: number): Promise<readonly StateRow[] | null> {
    invariant(!this.isClosed, 'a closed view was read');
    const page: StateRow[] = [];
    for (let byteCount = 0; byteCount < maxBytes || page.length === 0;) {
      const row = this.rows[this.position];
      if (row === undefined) break;
      this.position += 1;
      byteCount += row.key.byteLength + row.value.byteLength;
      page.push(copyOfRow(row));
    }
    return page.length === 0 ? null : page;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.rows.length = 0;
  }
}
