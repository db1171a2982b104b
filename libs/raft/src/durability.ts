import type { Effect } from './effects.js';
import type { HardState } from './hard-state.js';
import { logIndex, persistId, type LogIndex, type PersistId } from './ids.js';
import { invariant } from './invariant.js';
import type { RaftLog } from './raft-log.js';
import type { SnapshotMeta } from './snapshot-meta.js';

/** The one write of a step. */
export type WriteEffect = Extract<Effect, { readonly type: 'persist' | 'installSnapshot' }>;

type SnapshotInstallation = { readonly snapshot: SnapshotMeta; readonly keepsTail: boolean };

/** A write that was handed to the driver and is not reported durable yet. */
type PendingPersist = {
  readonly persistId: PersistId;
  readonly hasHardState: boolean;
  readonly handedOutAtMs: number;
  /** The last entry of this write that no later write takes away again; 0 when it has none. */
  lastIndex: LogIndex;
};

/**
 * Which part of the persistent state is on this node's own disk, and what must be written at the end of a step.
 * There is at most one write per step, and it comes before everything else that the step does.
 */
export class Durability {
  private readonly pending: PendingPersist[] = [];
  private lastPersistId = persistId(0);
  private hardStateChanged = false;
  private truncatedFrom: LogIndex | null = null;
  private appendedFrom: LogIndex | null = null;
  private installation: SnapshotInstallation | null = null;

  /** @param durableIndex last entry of the log that is on disk: the leader's own match index (FAILURE-MODES 6) */
  constructor(public durableIndex: LogIndex) {}

  noteHardState(): void {
    this.hardStateChanged = true;
  }

  noteAppended(from: LogIndex): void {
    this.appendedFrom ??= from;
  }

  /**
   * Entries from `from` on are gone. Writes under way that hold some of them will still be reported, and by then the
   * log may hold others, or even the same ones anew, at those places: they must not count (FAILURE-MODES 6, ABA).
   */
  noteTruncated(from: LogIndex): void {
    invariant(this.appendedFrom === null, 'a step truncates before it appends');
    this.truncatedFrom = from;
    this.discountAfter(logIndex(from - 1));
  }

  /**
   * The step installs a snapshot. Its entries count as durable when that is done.
   * @param installation.lastSharedIndex up to there the log is the same before and after
   */
  noteSnapshot(installation: SnapshotInstallation & { readonly lastSharedIndex: LogIndex }): void {
    invariant(this.truncatedFrom === null && this.appendedFrom === null, 'a step writes entries or a snapshot');
    const { snapshot, keepsTail, lastSharedIndex } = installation;
    this.installation = { snapshot, keepsTail };
    if (!keepsTail) this.discountAfter(lastSharedIndex);
  }

  /** The write that a message must wait for when it rests on the present term and vote; null when they are durable. */
  get hardStateWrite(): PersistId | null {
    if (this.hardStateChanged) return this.idOfThisStep();
    return this.pending.findLast((persist) => persist.hasHardState)?.persistId ?? null;
  }

  /** The write that a message must wait for when it rests on all of the present state; null when that is durable. */
  get latestWrite(): PersistId | null {
    if (this.isDirty) return this.idOfThisStep();
    return this.pending.at(-1)?.persistId ?? null;
  }

  /** When the oldest write that is not done was handed out; Infinity when all are done. */
  get waitingSinceMs(): number {
    return this.pending[0]?.handedOutAtMs ?? Infinity;
  }

  /** Everything that changed in this step, as one write; null when nothing did. */
  takeWrite(hardState: HardState, log: RaftLog, nowMs: number): WriteEffect | null {
    if (!this.isDirty) return null;
    const effect = this.writeOf(hardState, log);
    this.lastPersistId = effect.persistId;
    this.pending.push({
      persistId: effect.persistId,
      hasHardState: this.hardStateChanged,
      handedOutAtMs: nowMs,
      lastIndex: this.installation?.snapshot.index ?? (this.appendedFrom === null ? logIndex(0) : log.lastIndex),
    });
    this.hardStateChanged = false;
    this.truncatedFrom = null;
    this.appendedFrom = null;
    this.installation = null;
    return effect;
  }

  /**
   * The write `id` and all before it are durable. Reports that come twice or late do no harm.
   * @throws InvariantViolation for a write that was never handed out
   */
  completed(id: PersistId): void {
    invariant(id <= this.lastPersistId, 'a write was reported durable that was never handed out');
    while (this.pending[0] !== undefined && this.pending[0].persistId <= id) {
      const { lastIndex } = this.pending[0];
      if (lastIndex > this.durableIndex) this.durableIndex = lastIndex;
      this.pending.shift();
    }
  }

  private get isDirty(): boolean {
    const { truncatedFrom, appendedFrom, installation } = this;
    return this.hardStateChanged || truncatedFrom !== null || appendedFrom !== null || installation !== null;
  }

  private writeOf({ currentTerm, votedFor }: HardState, log: RaftLog): WriteEffect {
    const id = this.idOfThisStep();
    const hardState = this.hardStateChanged ? { currentTerm, votedFor } : null;
    const { installation, truncatedFrom: truncateFrom } = this;
    if (installation !== null) return { type: 'installSnapshot', persistId: id, hardState, ...installation };
    const entries = this.appendedFrom === null ? [] : log.slice(this.appendedFrom, log.lastIndex);
    return { type: 'persist', persistId: id, hardState, truncateFrom, entries };
  }

  /** What is durable after `lastKept`, or will be by a write under way, is no longer part of the log. */
  private discountAfter(lastKept: LogIndex): void {
    if (this.durableIndex > lastKept) this.durableIndex = lastKept;
    for (const persist of this.pending) if (persist.lastIndex > lastKept) persist.lastIndex = lastKept;
  }

  private idOfThisStep(): PersistId {
    return persistId(this.lastPersistId + 1);
  }
}
