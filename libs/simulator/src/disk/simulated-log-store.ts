import { InvariantViolation } from '@latchkey/raft';
import { LogStoreError, type DurableState, type LogStore, type PersistBatch } from '@latchkey/replica';
import type { DiskAccess } from './disk-access.js';

/** The log of one process, on a disk that outlives it. */
export class SimulatedLogStore implements LogStore {
  constructor(private readonly access: DiskAccess) {}

  load(): Promise<DurableState> {
    return this.access.read(() => {
      this.access.claim();
      const { hardState, base, checkpoint, damage } = this.image;
      if (damage?.type === 'entry') throw new LogStoreError('corrupt', `entry ${damage.index} is not what was written`);
      return { hardState, base, entries: this.image.copyOfEntries(), checkpoint };
    }, false);
  }

  persist(asked: PersistBatch): Promise<void> {
    const batch = { ...asked, entries: asked.entries.slice() };
    return this.access.write('persist', () => {
      if (!this.access.isLying) this.assertFollows(batch);
      this.access.world.onWritten(this.image.write(batch));
    });
  }

  async close(): Promise<void> {
    this.access.close();
  }

  private assertFollows({ truncateFrom, entries }: PersistBatch): void {
    const { base, lastIndex } = this.image;
    if (truncateFrom !== null && truncateFrom <= base.index) {
      throw new InvariantViolation(`truncation from ${truncateFrom} of a log that begins after ${base.index}`);
    }
    const expected = Math.min(lastIndex, (truncateFrom ?? Infinity) - 1) + 1;
    for (const [place, { index }] of entries.entries()) {
      if (index !== expected + place) throw new InvariantViolation(`entry ${index} where ${expected + place} follows`);
    }
  }

  private get image(): DiskAccess['disk']['image'] {
    return this.access.disk.image;
  }
}
