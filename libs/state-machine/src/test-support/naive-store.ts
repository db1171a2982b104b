import type { Comparison, Operation } from '../commands.js';
import type { LeaseId } from '../ids.js';
import type { KeyRange } from '../key-range.js';
import { text } from './commands.js';

export type NaiveRecord = {
  readonly key: string;
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly lease: LeaseId | null;
};
type Keys = ReadonlyMap<string, NaiveRecord>;

/**
 * etcd's key space in the most obvious way, to check the real one against: a whole copy of all keys for every revision.
 * Knows neither guards nor limits; sequences for it are made without them.
 */
export class NaiveStore {
  /** By revision; the first is revision 1. */
  readonly states: Keys[] = [new Map(), new Map()];
  readonly leases = new Set<LeaseId>();
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  at(revision: number): Keys {
    return this.states[revision] ?? new Map();
  }

  get now(): Keys {
    return this.at(this.revision);
  }

  run(operation: Operation): void {
    const next = new Map(this.now);
    this.#run(operation, next);
    this.#commit(next);
  }

  endLease(leaseId: LeaseId): void {
    if (!this.leases.delete(leaseId)) return;
    this.#commit(new Map([...this.now].filter(([, record]) => record.lease !== leaseId)));
  }

  /** Versions of a key at the compacted revision and after it; null for a deletion. */
  history(key: string): (NaiveRecord | null)[] {
    const versions: (NaiveRecord | null)[] = [];
    for (let revision = this.compacted; revision <= this.revision; revision += 1) {
      const record = this.at(revision).get(key) ?? null;
      const before = revision === this.compacted ? null : (this.at(revision - 1).get(key) ?? null);
      if (record !== before) versions.push(record);
    }
    return versions;
  }

  #run(operation: Operation, next: Map<string, NaiveRecord>): void {
    if (operation.type === 'put') {
      const old = next.get(operation.key);
      next.set(operation.key, {
        key: operation.key,
        value: text(operation.value),
        create: old?.create ?? this.revision + 1,
        mod: this.revision + 1,
        version: (old?.version ?? 0) + 1,
        lease: operation.leaseId,
      });
    } else if (operation.type === 'delete') {
      for (const key of inRange(next, operation.range).map((record) => record.key)) next.delete(key);
    } else if (operation.type === 'transaction') {
      const succeeded = operation.comparisons.every((comparison) => this.#holds(comparison));
      for (const each of succeeded ? operation.success : operation.failure) this.#run(each, next);
    }
  }

  /** Only versions are compared in the sequences made for it. */
  #holds(comparison: Comparison): boolean {
    const records = inRange(this.now, comparison.range);
    const versions = records.length === 0 ? [0] : records.map((record) => record.version);
    return versions.every((version) =>
      comparison.result === 'greater' ? version > Number(comparison.operand) : version === comparison.operand,
    );
  }

  #commit(next: Keys): void {
    const before = this.now;
    const same = next.size === before.size && [...next].every(([key, record]) => before.get(key) === record);
    if (!same) this.states.push(next);
  }
}

/** In key order. */
export const inRange = (keys: Keys, range: KeyRange): NaiveRecord[] =>
  [...keys.values()]
    .filter(({ key }) => key >= range.start && (range.end === null || key < range.end))
    .sort((left, right) => (left.key < right.key ? -1 : 1));
