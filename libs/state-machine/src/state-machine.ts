import { emptyState, type ApplyContext, type ReplicatedState } from './apply-context.js';
import { MalformedCommandBatch } from './byte-source.js';
import { decodeCommandBatch } from './command-batch-codec.js';
import type { CommandBatch, QueueSpace } from './commands.js';
import type { PastRevisionEvents } from './events.js';
import { executeBatch } from './exactly-once.js';
import { revision, type Key, type LeaseId, type Revision } from './ids.js';
import { invariant } from './invariant.js';
import { isTombstone } from './key-history.js';
import type { KeyRecord, PastRecord } from './key-record.js';
import type { Refusal } from './outcomes.js';
import { refusal } from './refusal.js';
import { takeStateChanges } from './state-changes.js';
import type {
  ApplyResult,
  LeaseInfo,
  PastRangeResult,
  QueueEntry,
  RangeQuery,
  RangeResult,
  StateReader,
} from './state-machine-api.js';
import { StateRestore } from './state-restore.js';
import type { StateChanges } from './state-rows.js';

/** Where an entry stands in the log. */
export type EntryMeta = {
  readonly index: number;
  readonly term: number;
  /** Leader's wall clock, ms since 1970; kept for display, never looked at. */
  readonly proposedAtMs: number;
};

export type StateMachineOptions = {
  /** Values of versions that are not current, to be kept in memory though a checkpoint has them. */
  readonly maxHotHistoryBytes?: number;
};

/**
 * The replicated state of one node: keys with their history, leases, lock and election queues, and the answers kept for
 * exactly-once. Deterministic: the same entries give the same state, outcomes, events and `stateHash` on every node.
 * Never throws for what a client sent; a throw is a bug and the node must stop.
 */
export class StateMachine implements StateReader {
  #state: ReplicatedState;
  #lastApplied = 0;
  #lastTerm = 0;
  /** Where the changes were taken that are not known to be saved. */
  #takenAt: number | null = null;

  constructor({ maxHotHistoryBytes }: StateMachineOptions = {}) {
    this.#state = emptyState(maxHotHistoryBytes);
  }

  /** Index of the last entry applied or advanced over; 0 = none. */
  get lastApplied(): number {
    return this.#lastApplied;
  }

  /**
   * The rows of `state-rows.ts` that are new, different or gone since the last call or the restore; the first call gives
   * all rows there are. Captured now, at a cost that grows with the changes only; encoded page by page when gone through,
   * any number of times, with the same rows.
   * What changes until the next call is noted only where it cannot be found later, and holds at most one reference per
   * key and per row that was given out: nothing piles up when this is never called again.
   */
  takeChanges(): StateChanges {
    this.#takenAt = this.#lastApplied;
    return takeStateChanges(this.#state, { index: this.#lastApplied, term: this.#lastTerm });
  }

  /** The changes that were taken after the entry at `index` are durable: readers find cold records in the rows from now on. */
  changesSaved(index: number): void {
    if (index !== this.#takenAt) return;
    this.#takenAt = null;
    this.#state.keySpace.changesSaved();
  }

  /**
   * Begins to build another state from all of its rows. This one stays as it is, also when that fails, until `finish`
   * puts the other in its place; then `apply` goes on from there and `takeChanges` counts from there. The rows must be
   * where cold records are read from.
   */
  beginRestore(): StateRestore {
    return new StateRestore(this.#state, ({ state, position }) => {
      this.#state = state;
      this.#takenAt = null;
      this.#lastApplied = position.index;
      this.#lastTerm = position.term;
    });
  }

  /**
   * Applies one committed entry. Bytes that are no batch have the one outcome MALFORMED.
   * @throws StateInvariantViolation when the entry does not directly follow the last one.
   */
  apply(entry: EntryMeta & { readonly command: Uint8Array }): ApplyResult {
    return this.applyBatch(decodeOrNull(entry.command), entry);
  }

  /** `apply` for a batch at hand, as in tests; null stands for bytes that are no batch. */
  applyBatch(batch: CommandBatch | null, { index, term, proposedAtMs }: EntryMeta): ApplyResult {
    this.advance(index, term);
    const context: ApplyContext = {
      state: this.#state,
      term,
      proposedAtMs,
      revisions: [],
      grants: [],
      leaseChanges: [],
    };
    const outcomes = batch === null ? [refusal('MALFORMED')] : executeBatch(context, batch);
    this.#state.keySpace.sweep();
    const { revisions, grants, leaseChanges } = context;
    return { outcomes, revisions, grants, leaseChanges };
  }

  /**
   * Passes an entry without a command.
   * @throws StateInvariantViolation when it does not directly follow the last one.
   */
  advance(index: number, term: number): void {
    invariant(index === this.#lastApplied + 1, `entry ${index} applied after ${this.#lastApplied}`);
    this.#lastApplied = index;
    this.#lastTerm = term;
    this.#state.hash.mixNumber(index);
    this.#state.hash.mixNumber(term);
  }

  get revision(): Revision {
    return this.#state.keySpace.revision;
  }

  get compactRevision(): Revision {
    return this.#state.keySpace.compactRevision;
  }

  get hotHistoryBytes(): number {
    return this.#state.keySpace.hotHistory.hotBytes;
  }

  get stateHash(): string {
    return this.#state.hash.digest();
  }

  get(key: Key): KeyRecord | null {
    return this.#state.keySpace.get(key);
  }

  getAt(key: Key, revision: Revision): PastRecord | null | Refusal {
    return this.#state.keySpace.getAt(key, revision);
  }

  range(query: RangeQuery & { readonly revision: null }): RangeResult;
  range(query: RangeQuery): PastRangeResult | Refusal;
  range(query: RangeQuery): PastRangeResult | Refusal {
    return this.#state.keySpace.range(query);
  }

  isReadable({ key, modRevision }: Pick<PastRecord, 'key' | 'modRevision'>): boolean {
    const { keySpace } = this.#state;
    const seenFrom = revision(Math.max(modRevision, keySpace.compactRevision));
    return keySpace.recordAt(key, seenFrom)?.modRevision === modRevision;
  }

  history(key: Key): readonly { readonly revision: Revision; readonly record: PastRecord | null }[] {
    const versions = this.#state.keySpace.history(key);
    return versions.map((version) => ({
      revision: version.modRevision,
      record: isTombstone(version) ? null : version,
    }));
  }

  eventsFrom(fromRevision: Revision, maxRevisions: number): readonly PastRevisionEvents[] | Refusal {
    return this.#state.keySpace.eventsFrom(fromRevision, maxRevisions);
  }

  lease(leaseId: LeaseId): LeaseInfo | null {
    return this.#state.leases.get(leaseId);
  }

  leases(): IterableIterator<LeaseInfo> {
    return this.#state.leases.all();
  }

  queue(space: QueueSpace, name: string): readonly QueueEntry[] {
    const entries: QueueEntry[] = [];
    for (const { place, record, holding } of this.#state.queues.queue(space, name)?.members() ?? []) {
      entries.push({ leaseId: place.leaseId, record, holding, position: entries.length });
    }
    return entries;
  }

  queueLength(space: QueueSpace, name: string): number {
    return this.#state.queues.queue(space, name)?.size ?? 0;
  }

  queueEntry(
    space: QueueSpace,
    name: string,
    leaseId: LeaseId,
  ): { readonly holding: boolean; readonly record: KeyRecord } | null {
    const member = this.#state.queues.find({ space, name, leaseId });
    return member === null ? null : { holding: member.holding, record: member.record };
  }

  queueNames(space: QueueSpace, prefix: string): readonly string[] {
    return this.#state.queues.names(space, prefix);
  }
}

function decodeOrNull(command: Uint8Array): CommandBatch | null {
  try {
    return decodeCommandBatch(command);
  } catch (error) {
    if (error instanceof MalformedCommandBatch) return null;
    throw error;
  }
}
