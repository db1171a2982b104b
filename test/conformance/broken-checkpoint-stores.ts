import { logIndex, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import type {
  Checkpoint,
  CheckpointStore,
  CheckpointView,
  SnapshotInstallation,
  SnapshotStaging,
  StateRow,
} from '@latchkey/replica';
import { MemoryCheckpointStore, type MemoryDisk } from '@latchkey/storage-memory';

/** A store that keeps the contract except for what a subclass breaks: the mistakes that adapters really make. */
class CheckpointStoreOnDisk implements CheckpointStore {
  protected readonly inner: MemoryCheckpointStore;

  constructor(protected readonly disk: MemoryDisk) {
    this.inner = new MemoryCheckpointStore(disk);
  }

  save(checkpoint: Checkpoint): Promise<void> {
    return this.inner.save(checkpoint);
  }

  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return this.inner.readRows(keys);
  }

  openView(): Promise<CheckpointView | null> {
    return this.inner.openView();
  }

  compactLog(base: LogPosition): Promise<void> {
    return this.inner.compactLog(base);
  }

  stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    return this.inner.stageSnapshot(snapshot);
  }

  installSnapshot(installation: SnapshotInstallation): Promise<void> {
    return this.inner.installSnapshot(installation);
  }

  protected *rowsOnDisk(): Iterable<StateRow> {
    yield* this.disk.checkpoint?.rows.values() ?? [];
  }
}

class KeepsRemovedRows extends CheckpointStoreOnDisk {
  override save({ meta, changes }: Checkpoint): Promise<void> {
    return super.save({ meta, changes: mapped(changes, (page) => page.filter(({ value }) => value !== null)) });
  }
}

/** Takes a checkpoint for the whole state. */
class ReplacesInsteadOfChanging extends CheckpointStoreOnDisk {
  override save(checkpoint: Checkpoint): Promise<void> {
    this.disk.checkpoint?.rows.clear();
    return super.save(checkpoint);
  }
}

class ForgetsThePlace extends CheckpointStoreOnDisk {
  override async save(checkpoint: Checkpoint): Promise<void> {
    const before = this.disk.checkpoint?.meta ?? checkpoint.meta;
    await super.save(checkpoint);
    if (this.disk.checkpoint !== null) this.disk.checkpoint = { ...this.disk.checkpoint, meta: before };
  }
}

/** Every page is a write of its own. */
class SavesPageByPage extends CheckpointStoreOnDisk {
  override async save({ meta, changes }: Checkpoint): Promise<void> {
    let place = this.disk.checkpoint?.meta ?? meta;
    for (const page of changes) {
      await super.save({ meta: place, changes: [page] });
      place = meta;
    }
    await super.save({ meta, changes: [] });
  }
}

class DropsAllPagesButTheFirst extends CheckpointStoreOnDisk {
  override save({ meta, changes }: Checkpoint): Promise<void> {
    return super.save({ meta, changes: [...changes].slice(0, 1) });
  }
}

class ForgetsAddresses extends CheckpointStoreOnDisk {
  override save({ meta, changes }: Checkpoint): Promise<void> {
    const { voters, votersOutgoing, learners } = meta.membership;
    return super.save({ meta: { ...meta, membership: { voters, votersOutgoing, learners } }, changes });
  }
}

/** Looks the rows up when they are asked for. */
class ShowsLaterRowsInViews extends CheckpointStoreOnDisk {
  override async openView(): Promise<CheckpointView | null> {
    const opened = await super.openView();
    if (opened === null) return null;
    let present: CheckpointView | null = null;
    return {
      meta: opened.meta,
      nextPage: async (maxBytes) => (present ??= await super.openView())?.nextPage(maxBytes) ?? null,
      close: () => opened.close(),
    };
  }
}

class GivesRowsOutOfOrder extends CheckpointStoreOnDisk {
  override async openView(): Promise<CheckpointView | null> {
    const view = await super.openView();
    const rows = [...this.rowsOnDisk()];
    return view === null ? null : { meta: view.meta, nextPage: async () => nextOf(rows), close: async () => undefined };
  }
}

/** Orders keys as text: bytes above 127 go wrong. */
class ReadsKeysAsText extends CheckpointStoreOnDisk {
  override save({ meta, changes }: Checkpoint): Promise<void> {
    const asText = (key: Uint8Array) => new TextEncoder().encode(new TextDecoder().decode(key));
    const pages = mapped(changes, (page) => page.map(({ key, value }) => ({ key: asText(key), value })));
    return super.save({ meta, changes: pages });
  }
}

class ReadsRowsOfTheLastSaveOnly extends CheckpointStoreOnDisk {
  private latest = new Map<string, Uint8Array>();

  override async save(checkpoint: Checkpoint): Promise<void> {
    await super.save(checkpoint);
    const rows = [...checkpoint.changes].flat();
    this.latest = new Map(rows.map(({ key, value }) => [Buffer.from(key).toString('hex'), value ?? new Uint8Array(0)]));
  }

  override async readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return keys.map((key) => this.latest.get(Buffer.from(key).toString('hex')) ?? null);
  }
}

/** As a database gives them, which knows no order. */
class ReadsRowsInTheOrderOfTheirKeys extends CheckpointStoreOnDisk {
  override readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return super.readRows(keys.toSorted((one, other) => Buffer.compare(one, other)));
  }
}

class LeavesOutRowsThatAreNotThere extends CheckpointStoreOnDisk {
  override async readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return (await super.readRows(keys)).filter((value) => value !== null);
  }
}

class GivesEverythingInOnePage extends CheckpointStoreOnDisk {
  override async openView(): Promise<CheckpointView | null> {
    const view = await super.openView();
    return view === null
      ? null
      : { meta: view.meta, nextPage: () => view.nextPage(Number.MAX_SAFE_INTEGER), close: () => view.close() };
  }
}

class DropsOneEntryTooMany extends CheckpointStoreOnDisk {
  override async compactLog(base: LogPosition): Promise<void> {
    await super.compactLog(base);
    const first = this.disk.entries.shift();
    if (first !== undefined) this.disk.base = { index: first.index, term: first.term };
  }
}

/** Drops whole batches of ten, and forgets that the base lies inside one. */
class RoundsTheBaseDown extends CheckpointStoreOnDisk {
  override compactLog(base: LogPosition): Promise<void> {
    return super.compactLog({ ...base, index: logIndex(Math.floor(base.index / 2) * 2) });
  }
}

class NeverCompacts extends CheckpointStoreOnDisk {
  override async compactLog(): Promise<void> {}
}

class CompactsBeyondTheCheckpoint extends CheckpointStoreOnDisk {
  override async compactLog(base: LogPosition): Promise<void> {
    if (base.index <= (this.disk.checkpoint?.meta.index ?? 0)) return super.compactLog(base);
    this.disk.entries = this.disk.entries.slice(base.index - this.disk.base.index);
    this.disk.base = base;
  }
}

/** Adds the rows of a snapshot to those that are there. */
class MergesSnapshots extends CheckpointStoreOnDisk {
  override async installSnapshot(installation: SnapshotInstallation): Promise<void> {
    const before = [...this.rowsOnDisk()];
    await super.installSnapshot(installation);
    const { checkpoint } = this.disk;
    const keyOf = (key: Uint8Array) => Buffer.from(key).toString('latin1');
    for (const row of before) if (!checkpoint?.rows.has(keyOf(row.key))) checkpoint?.rows.set(keyOf(row.key), row);
  }
}

class KeepsTheTailAlways extends CheckpointStoreOnDisk {
  override installSnapshot(installation: SnapshotInstallation): Promise<void> {
    const last = this.disk.base.index + this.disk.entries.length;
    return super.installSnapshot({ ...installation, keepsTail: installation.staging.snapshot.index <= last });
  }
}

class DropsTheTailAlways extends CheckpointStoreOnDisk {
  override installSnapshot(installation: SnapshotInstallation): Promise<void> {
    return super.installSnapshot({ ...installation, keepsTail: false });
  }
}

class ForgetsTheHardStateOfAnInstallation extends CheckpointStoreOnDisk {
  override installSnapshot(installation: SnapshotInstallation): Promise<void> {
    return super.installSnapshot({ ...installation, hardState: null });
  }
}

/** Puts staged rows where the state is. */
class StagesIntoTheState extends CheckpointStoreOnDisk {
  override async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    const staging = await super.stageSnapshot(snapshot);
    const append = staging.append.bind(staging);
    staging.append = async (rows) => {
      for (const { key, value } of rows) {
        this.disk.checkpoint?.rows.set(Buffer.from(key).toString('latin1'), { key, value });
      }
      await append(rows);
    };
    return staging;
  }
}

/** A new staging goes on where the last one was left. */
class KeepsDiscardedStagings extends CheckpointStoreOnDisk {
  private readonly left: StateRow[] = [];

  override async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    const staging = await super.stageSnapshot(snapshot);
    await staging.append(this.left);
    const append = staging.append.bind(staging);
    staging.append = async (rows) => {
      this.left.push(...rows);
      await append(rows);
    };
    return staging;
  }
}

/** Deletes the rows of a staging although they are the state by now. */
class DiscardsWhatIsInstalled extends CheckpointStoreOnDisk {
  override async installSnapshot(installation: SnapshotInstallation): Promise<void> {
    await super.installSnapshot(installation);
    installation.staging.discard = async () => this.disk.checkpoint?.rows.clear();
  }
}

/** Writes whatever the refusal says. */
class DoesNotFenceCheckpoints extends CheckpointStoreOnDisk {
  override async save(checkpoint: Checkpoint): Promise<void> {
    try {
      await super.save(checkpoint);
    } catch {
      const { meta } = checkpoint;
      if (this.disk.checkpoint !== null) this.disk.checkpoint = { ...this.disk.checkpoint, meta };
    }
  }
}

function mapped<Item>(pages: Iterable<Item>, change: (page: Item) => Item): Iterable<Item> {
  return { [Symbol.iterator]: () => [...pages].map(change)[Symbol.iterator]() };
}

function nextOf(rows: StateRow[]): readonly StateRow[] | null {
  const row = rows.shift();
  return row === undefined ? null : [row];
}

export const BROKEN_CHECKPOINT_STORES: readonly (new (disk: MemoryDisk) => CheckpointStore)[] = [
  KeepsRemovedRows,
  ReplacesInsteadOfChanging,
  ForgetsThePlace,
  SavesPageByPage,
  DropsAllPagesButTheFirst,
  ForgetsAddresses,
  ShowsLaterRowsInViews,
  GivesRowsOutOfOrder,
  ReadsKeysAsText,
  ReadsRowsOfTheLastSaveOnly,
  ReadsRowsInTheOrderOfTheirKeys,
  LeavesOutRowsThatAreNotThere,
  GivesEverythingInOnePage,
  DropsOneEntryTooMany,
  RoundsTheBaseDown,
  NeverCompacts,
  CompactsBeyondTheCheckpoint,
  MergesSnapshots,
  KeepsTheTailAlways,
  DropsTheTailAlways,
  ForgetsTheHardStateOfAnInstallation,
  StagesIntoTheState,
  KeepsDiscardedStagings,
  DiscardsWhatIsInstalled,
  DoesNotFenceCheckpoints,
];
