import { randomInt } from 'node:crypto';
import {
  logIndex,
  term,
  type HardState,
  type LogEntry,
  type LogIndex,
  type LogPosition,
  type NodeId,
  type SnapshotMeta,
} from '@latchkey/raft';
import {
  rememberedClaims,
  type LossReason,
  type PeerRecord,
  type RememberedClaim,
  type StateRow,
  type StoreId,
} from '@latchkey/replica';

/** As many as `randomInt` can tell apart. */
const MARK_COUNT = 2 ** 48 - 1;

type StorePart = 'log' | 'checkpoints' | 'identity';

/** What a disk knows of itself and of the stores of others. */
export type MemoryIdentity = {
  storeId: StoreId;
  /** How often the disk was loaded. */
  epoch: number;
  claims: readonly RememberedClaim[];
  wantsVoteBack: boolean;
  founders: readonly NodeId[] | null;
  joinedIndex: LogIndex;
  lost: LossReason | null;
  readonly peers: Map<NodeId, PeerRecord>;
};

/** The stores of one process on a disk: they are fenced together and end together. */
export class MemoryProcess {
  isClosed = false;
  readonly parts = new Set<StorePart>();
}

/** By key, written one byte to a character: a string that sorts as the bytes do. */
export type RowsByKey = Map<string, StateRow>;

/** What outlives the stores: give the same disk to the next ones and it is a restart. Nothing outlives the process. */
export class MemoryDisk {
  hardState: HardState = { currentTerm: term(0), votedFor: null };
  /** The last entry that the log no longer holds. */
  base: LogPosition = { index: logIndex(0), term: term(0) };
  /** Consecutive, from `base.index` + 1. */
  entries: LogEntry[] = [];
  checkpoint: { readonly meta: SnapshotMeta; readonly rows: RowsByKey } | null = null;
  /** The process that loaded last; only it may write. */
  owner: MemoryProcess | null = null;
  readonly identity: MemoryIdentity;
  /** What is on the disk is not what was written: nothing can be read before `IdentityStore.startAnew`. */
  isDamaged = false;
  private newestProcess = new MemoryProcess();

  constructor(storeId: StoreId = 'memory') {
    const nothing = { wantsVoteBack: false, founders: null, joinedIndex: logIndex(0), lost: null };
    this.identity = { storeId, epoch: 0, claims: [], ...nothing, peers: new Map() };
  }

  /** Nothing was ever written. */
  get isNew(): boolean {
    const { hardState, base, entries, checkpoint } = this;
    const hasVoted = hardState.currentTerm > 0 || hardState.votedFor !== null;
    return !this.isDamaged && !hasVoted && base.index === 0 && entries.length === 0 && checkpoint === null;
  }

  /** A process loads it. */
  claim(): void {
    this.identity.epoch += 1;
    this.rememberClaim();
  }

  /** The present one, under a new mark. */
  rememberClaim(): void {
    const { identity } = this;
    identity.claims = rememberedClaims(identity.claims, { epoch: identity.epoch, mark: randomInt(MARK_COUNT) });
  }

  /** Log store, checkpoint store and identity store made one after the other, in any order, are of the same process. */
  join(part: StorePart): MemoryProcess {
    if (this.newestProcess.parts.has(part)) this.newestProcess = new MemoryProcess();
    this.newestProcess.parts.add(part);
    return this.newestProcess;
  }
}
