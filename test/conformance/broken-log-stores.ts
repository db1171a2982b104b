import type { DurableState, LogStore, PersistBatch } from '@latchkey/replica';
import { term } from '@latchkey/raft';
import { type MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';

/** A store that keeps the contract except for what a subclass breaks: the mistakes that adapters really make. */
class LogStoreOnDisk implements LogStore {
  protected inner: LogStore;

  constructor(protected readonly disk: MemoryDisk) {
    this.inner = new MemoryLogStore(disk);
  }

  load(): Promise<DurableState> {
    return this.inner.load();
  }

  persist(batch: PersistBatch): Promise<void> {
    return this.inner.persist(batch);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

class ForgetsTheVote extends LogStoreOnDisk {
  override async load(): Promise<DurableState> {
    const durable = await super.load();
    return { ...durable, hardState: { ...durable.hardState, votedFor: null } };
  }
}

class ForgetsTheTerm extends LogStoreOnDisk {
  override async load(): Promise<DurableState> {
    const durable = await super.load();
    return { ...durable, hardState: { ...durable.hardState, currentTerm: term(0) } };
  }
}

/** Appends over the old tail, entry by entry, and leaves the rest of it standing. */
class IgnoresTruncation extends LogStoreOnDisk {
  override async persist(batch: PersistBatch): Promise<void> {
    if (batch.truncateFrom === null) return super.persist(batch);
    for (const entry of batch.entries) this.disk.entries[entry.index - 1] = entry;
    return super.persist({ ...batch, truncateFrom: null, entries: [] });
  }
}

/** Truncates by whole batches: what lies inside one stays. */
class TruncatesWholeBatchesOnly extends LogStoreOnDisk {
  private readonly batchStarts: number[] = [];

  override async persist(batch: PersistBatch): Promise<void> {
    const first = batch.entries[0];
    const { truncateFrom } = batch;
    if (truncateFrom !== null && !this.batchStarts.includes(truncateFrom)) {
      return super.persist({ ...batch, truncateFrom: null, entries: [] });
    }
    if (first !== undefined) this.batchStarts.push(first.index);
    return super.persist(batch);
  }
}

/** Takes the end of the log for torn and cuts it. */
class ReturnsAShorterLog extends LogStoreOnDisk {
  override async load(): Promise<DurableState> {
    const durable = await super.load();
    return { ...durable, entries: durable.entries.slice(0, -1) };
  }
}

class DoesNotFence extends LogStoreOnDisk {
  private process = this.disk.owner;

  override async load(): Promise<DurableState> {
    const durable = await super.load();
    this.process = this.disk.owner;
    return durable;
  }

  override async persist(batch: PersistBatch): Promise<void> {
    this.disk.owner = this.process;
    return super.persist(batch);
  }
}

/** Reads indices as text, as `pg` gives BIGINT: '10' comes before '9'. */
class OrdersIndicesAsText extends LogStoreOnDisk {
  override async load(): Promise<DurableState> {
    const durable = await super.load();
    return {
      ...durable,
      entries: durable.entries.toSorted((one, two) => (String(one.index) < String(two.index) ? -1 : 1)),
    };
  }
}

class TakesEmptyDataForNoop extends LogStoreOnDisk {
  override async load(): Promise<DurableState> {
    const durable = await super.load();
    const entries = durable.entries.map((entry) =>
      entry.type === 'command' && entry.data.byteLength === 0
        ? { type: 'noop' as const, index: entry.index, term: entry.term }
        : entry,
    );
    return { ...durable, entries };
  }
}

/** Keeps the caller's memory instead of a copy of its content. */
class KeepsReferences extends LogStoreOnDisk {
  override async persist(batch: PersistBatch): Promise<void> {
    await super.persist(batch);
    for (const entry of batch.entries) this.disk.entries[entry.index - 1] = entry;
  }
}

/** Believes every append. */
class AcceptsHoles extends LogStoreOnDisk {
  override async persist(batch: PersistBatch): Promise<void> {
    try {
      await super.persist(batch);
    } catch {
      this.disk.entries.push(...batch.entries);
    }
  }
}

/** Says "durable" and writes later, which a restart prevents. */
class AcknowledgesEarly extends LogStoreOnDisk {
  private unwritten: PersistBatch | null = null;

  override async persist(batch: PersistBatch): Promise<void> {
    if (this.unwritten !== null) await super.persist(this.unwritten);
    this.unwritten = batch;
  }
}

/** Writes the entries, then the hard state only when there is nothing else: two writes where one was asked for. */
class DropsHardStateBesideEntries extends LogStoreOnDisk {
  override persist(batch: PersistBatch): Promise<void> {
    return super.persist(batch.entries.length > 0 ? { ...batch, hardState: null } : batch);
  }
}

export const BROKEN_LOG_STORES: readonly (new (disk: MemoryDisk) => LogStore)[] = [
  ForgetsTheVote,
  ForgetsTheTerm,
  IgnoresTruncation,
  TruncatesWholeBatchesOnly,
  ReturnsAShorterLog,
  DoesNotFence,
  OrdersIndicesAsText,
  TakesEmptyDataForNoop,
  KeepsReferences,
  AcceptsHoles,
  AcknowledgesEarly,
  DropsHardStateBesideEntries,
];
