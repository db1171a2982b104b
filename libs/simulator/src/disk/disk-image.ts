import {
  logIndex,
  term,
  type HardState,
  type LogEntry,
  type LogIndex,
  type LogPosition,
  type Membership,
  type NodeId,
  type SnapshotMeta,
  type Term,
} from '@latchkey/raft';
import {
  rememberedClaims,
  type LossReason,
  type PeerRecord,
  type PersistBatch,
  type RememberedClaim,
  type StateRow,
  type StateRowChange,
  type StoreId,
} from '@latchkey/replica';
import { CHAIN_START, chained, EntryChains } from './entry-chain.js';

/** What one change of the log was. */
export type DiskWrite = {
  readonly before: HardState;
  readonly after: HardState;
  /** The first index that was there and was taken away; null when nothing was. */
  readonly removedFrom: LogIndex | null;
  /** The entries that were taken away, as their chains; the first one stood at `removedFrom`. */
  readonly removedChains: readonly number[];
  readonly appended: readonly LogEntry[];
};

/** What one change of checkpoint or base was. */
export type CheckpointWrite = {
  readonly kind: 'save' | 'compact' | 'install';
  readonly baseBefore: LogIndex;
  readonly checkpointBefore: LogIndex;
};

/** What is to be installed: the rows are taken over. */
export type Installation = {
  readonly meta: SnapshotMeta;
  readonly rows: Map<string, StateRow>;
  /** Of the log up to the snapshot, as those have it who were there; null when nobody was. */
  readonly chain: number | null;
  readonly hardState: HardState | null;
  readonly keepsTail: boolean;
};

/** Bytes that are not what was written: reading them fails, until they are dropped or written over. */
export type Damage =
  | { readonly type: 'entry'; readonly index: LogIndex }
  | { readonly type: 'row'; readonly key: string }
  /** It can all be read, and is less than was written: of another disk, or of an earlier time. */
  | { readonly type: 'lost' };

/** Who the store on a disk is; see `StoreIdentity`. */
export type ImageIdentity = {
  readonly storeId: StoreId;
  readonly epoch: number;
  readonly claims: readonly RememberedClaim[];
  readonly wantsVoteBack: boolean;
  readonly founders: readonly NodeId[] | null;
  readonly joinedIndex: LogIndex;
  readonly lost: LossReason | null;
  readonly peers: ReadonlyMap<NodeId, PeerRecord>;
};

/** What a disk held at one moment. */
export type DiskCopy = Pick<DiskImage, 'hardState' | 'base' | 'checkpoint' | 'identity'> & {
  readonly entries: readonly LogEntry[];
  readonly chains: readonly number[];
  readonly baseChain: number;
  readonly rows: ReadonlyMap<string, StateRow>;
};

/** What no chain ever is: a base that nobody knows. */
const NO_CHAIN = -1;
const NOTHING_REMOVED: readonly number[] = [];
const EMPTY: LogPosition = { index: logIndex(0), term: term(0) };
export const NOBODY: ImageIdentity = {
  storeId: '',
  epoch: 0,
  claims: [],
  wantsVoteBack: false,
  founders: null,
  joinedIndex: logIndex(0),
  lost: null,
  peers: new Map(),
};
const NEW: HardState = { currentTerm: term(0), votedFor: null };

/**
 * The durable state of one node: what a restart starts from. Log entries are shared, as nobody may change one; rows are
 * the disk's own.
 */
export class DiskImage {
  hardState = NEW;
  base = EMPTY;
  checkpoint: SnapshotMeta | null = null;
  damage: Damage | null = null;
  /** What it held before it lost something, until the cluster counts on that no more. */
  before: DiskImage | null = null;
  identity: ImageIdentity = NOBODY;
  /** How often a history was given up or taken away: what was promised before binds nobody. */
  historyCount = 0;
  private entries: LogEntry[] = [];
  private chains: number[] = [];
  private baseChain = CHAIN_START;
  /** By key, one character for each byte: such strings sort as the bytes do. */
  private rows = new Map<string, StateRow>();

  /** @param entryChains of all disks of one world */
  constructor(private readonly entryChains = new EntryChains()) {}

  get lastIndex(): LogIndex {
    return logIndex(this.base.index + this.entries.length);
  }

  get checkpointIndex(): LogIndex {
    return this.checkpoint?.index ?? EMPTY.index;
  }

  get rowKeys(): readonly string[] {
    return [...this.rows.keys()];
  }

  /** Also at the base; null before it, and beyond the end. */
  termAt(index: number): Term | null {
    if (index === this.base.index) return this.base.term;
    return this.entryAt(index)?.term ?? null;
  }

  entryAt(index: number): LogEntry | null {
    return this.entries[index - this.base.index - 1] ?? null;
  }

  /** See `chained`. Also at the base; null before it, and beyond the end. */
  chainAt(index: number): number | null {
    if (index === this.base.index) return this.baseChain;
    return this.chains[index - this.base.index - 1] ?? null;
  }

  copyOfEntries(): LogEntry[] {
    return this.entries.slice();
  }

  rowAt(name: string): StateRow | undefined {
    return this.rows.get(name);
  }

  /** In the order of their keys. */
  sortedRows(): [string, StateRow][] {
    return [...this.rows].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** The membership entries of the log after `index`, committed or not. */
  membershipsAfter(index: number): Membership[] {
    const memberships: Membership[] = [];
    for (let place = Math.max(0, index - this.base.index); place < this.entries.length; place += 1) {
      const entry = this.entries[place];
      if (entry?.type === 'membership') memberships.push(entry.membership);
    }
    return memberships;
  }

  /** One more process takes it; `mark` tells it from another one that is the same in number. */
  claim(mark: number): void {
    const { identity } = this;
    const epoch = identity.epoch + 1;
    this.identity = { ...identity, epoch, claims: rememberedClaims(identity.claims, { epoch, mark }) };
  }

  write(batch: PersistBatch): DiskWrite {
    const before = this.hardState;
    const removed = batch.truncateFrom === null ? null : this.removeFrom(batch.truncateFrom);
    if (batch.hardState !== null) this.hardState = batch.hardState;
    let chain = this.chains.at(-1) ?? this.baseChain;
    for (const entry of batch.entries) {
      chain = this.entryChains.of(chain, entry);
      this.chains.push(chain);
      this.entries.push(entry);
    }
    return { before, after: this.hardState, ...(removed ?? NOTHING), appended: batch.entries };
  }

  save(meta: SnapshotMeta, changes: readonly StateRowChange[]): CheckpointWrite {
    const before = this.checkpointState('save');
    for (const { key, value } of changes) {
      const place = rowKeyOf(key);
      if (this.damage?.type === 'row' && this.damage.key === place) this.damage = null;
      if (value === null) this.rows.delete(place);
      else this.rows.set(place, { key, value });
    }
    this.checkpoint = meta;
    return before;
  }

  /** Drops the log up to `base`; null when that is done already. */
  compact(base: LogPosition): CheckpointWrite | null {
    if (base.index <= this.base.index) return null;
    const before = this.checkpointState('compact');
    this.rebase(base, this.chainAt(base.index));
    return before;
  }

  install({ meta, rows, chain, hardState, keepsTail }: Installation): {
    write: DiskWrite;
    checkpoint: CheckpointWrite;
  } {
    const [before, checkpoint] = [this.hardState, this.checkpointState('install')];
    const removed = keepsTail ? null : this.removeFrom(logIndex(meta.index + 1));
    if (hardState !== null) this.hardState = hardState;
    this.rebase({ index: meta.index, term: meta.term }, chain);
    this.rows = rows;
    this.checkpoint = meta;
    if (this.damage?.type === 'row') this.damage = null;
    const write = { before, after: this.hardState, ...(removed ?? NOTHING), appended: [] };
    return { write, checkpoint };
  }

  /** Another disk in its place, with nothing on it. */
  wipe(): void {
    this.hardState = NEW;
    this.base = EMPTY;
    this.baseChain = CHAIN_START;
    this.checkpoint = null;
    this.damage = null;
    this.before = null;
    this.entries = [];
    this.chains = [];
    this.rows = new Map();
  }

  /** Whether nothing was ever written. */
  get isNew(): boolean {
    return this.hardState.currentTerm === 0 && this.lastIndex === 0 && this.checkpoint === null;
  }

  copy(): DiskCopy {
    const { hardState, base, checkpoint, identity, entries, chains, baseChain, rows } = this;
    const lists = { entries: entries.slice(), chains: chains.slice(), rows: new Map(rows) };
    return { hardState, base, checkpoint, identity, baseChain, ...lists };
  }

  /** Somebody takes away what was written, by `change`; others may count on it still. */
  lose(change: () => void): void {
    const before = new DiskImage(this.entryChains);
    before.rollBackTo(this.copy());
    change();
    this.before = before;
    this.damage = { type: 'lost' };
    this.historyCount += 1;
  }

  /** What it held then, and nothing of what came after. */
  rollBackTo({ hardState, base, checkpoint, identity, entries, chains, baseChain, rows }: DiskCopy): void {
    Object.assign(this, { hardState, base, checkpoint, identity, baseChain, damage: null });
    this.entries = entries.slice();
    this.chains = chains.slice();
    this.rows = new Map(rows);
  }

  /** The first entry that is not as it was when it was written; null when all are. */
  firstChanged(): LogIndex | null {
    let chain = this.baseChain;
    for (const [place, entry] of this.entries.entries()) {
      chain = chained(chain, entry);
      if (chain !== this.chains[place]) return entry.index;
    }
    return null;
  }

  private removeFrom(index: LogIndex): Pick<DiskWrite, 'removedFrom' | 'removedChains'> | null {
    const kept = Math.min(this.entries.length, Math.max(0, index - this.base.index - 1));
    if (kept >= this.entries.length) return null;
    const removedChains = this.chains.slice(kept);
    this.entries.length = kept;
    this.chains.length = kept;
    this.forgetDamageThatIsGone();
    return { removedFrom: logIndex(this.base.index + kept + 1), removedChains };
  }

  private rebase(base: LogPosition, chain: number | null): void {
    const dropped = Math.max(0, base.index - this.base.index);
    this.entries = this.entries.slice(dropped);
    this.chains = this.chains.slice(dropped);
    this.base = base;
    this.baseChain = chain ?? NO_CHAIN;
    this.forgetDamageThatIsGone();
  }

  private checkpointState(kind: CheckpointWrite['kind']): CheckpointWrite {
    return { kind, baseBefore: this.base.index, checkpointBefore: this.checkpointIndex };
  }

  private forgetDamageThatIsGone(): void {
    const { damage } = this;
    if (damage?.type === 'entry' && (damage.index <= this.base.index || damage.index > this.lastIndex)) {
      this.damage = null;
    }
  }
}

const NOTHING = { removedFrom: null, removedChains: NOTHING_REMOVED };

export function rowKeyOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
