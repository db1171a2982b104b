import { ChangedRows } from './changed-rows.js';
import type { Key, LeaseId } from './ids.js';
import { invariant } from './invariant.js';
import { MAX_ENDED_LEASES } from './limits.js';
import { NumberedList, type Numbered } from './numbered-list.js';
import type { LeaseTerms } from './section-rows.js';
import type { LeaseInfo } from './state-machine-api.js';

type Lease = { readonly ttlMs: number; remainingTtlMs: number | null; readonly keys: Set<Key> };

/** Rows to write and to delete. */
export type LeaseChanges = {
  /** `terms` null: the lease is gone. */
  readonly leases: readonly { readonly leaseId: LeaseId; readonly terms: LeaseTerms | null }[];
  readonly ended: readonly Numbered<LeaseId>[];
  /** Numbers of ended leases that are forgotten. */
  readonly forgotten: readonly number[];
};

/** The living leases and the keys attached to them. Knows no time: a lease ends when the log says so. */
export class Leases {
  readonly #leases = new Map<LeaseId, Lease>();
  /** Ids that have ended, so that a late copy of a grant brings none of them back. */
  readonly #ended = new Set<LeaseId>();
  /** The same, oldest first. */
  readonly #endedInOrder = new NumberedList<LeaseId>();
  readonly #changedRows = new ChangedRows<LeaseId>();
  #forgottenRows: number[] = [];

  get size(): number {
    return this.#leases.size;
  }

  has(leaseId: LeaseId): boolean {
    return this.#leases.has(leaseId);
  }

  /** Whether the id belongs to a lease that lives, or to one of the last that ended. */
  isTaken(leaseId: LeaseId): boolean {
    return this.#leases.has(leaseId) || this.#ended.has(leaseId);
  }

  grant(leaseId: LeaseId, ttlMs: number): void {
    if (this.#leases.has(leaseId)) invariant(false, `lease is alive already: ${leaseId}`);
    this.#leases.set(leaseId, { ttlMs, remainingTtlMs: null, keys: new Set() });
    this.#changedRows.created(leaseId);
  }

  /** Ends the lease and names the keys that must vanish with it, in key order; null when it is not alive. */
  end(leaseId: LeaseId): readonly Key[] | null {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return null;
    this.#leases.delete(leaseId);
    this.#changedRows.deleted(leaseId);
    this.rememberEnded(leaseId);
    return sorted(lease.keys);
  }

  /** As granted; null when the lease is not alive. */
  ttlMs(leaseId: LeaseId): number | null {
    return this.#leases.get(leaseId)?.ttlMs ?? null;
  }

  /** Sets (or with null clears) what is left of the TTL. False when that is what stood there, or the lease is gone. */
  setRemaining(leaseId: LeaseId, remainingTtlMs: number | null): boolean {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined || lease.remainingTtlMs === remainingTtlMs) return false;
    lease.remainingTtlMs = remainingTtlMs;
    this.#changedRows.changed(leaseId);
    return true;
  }

  attach(leaseId: LeaseId, key: Key): void {
    const lease = this.#leases.get(leaseId);
    invariant(lease !== undefined, `key attached to a lease that is not alive: ${leaseId}`);
    lease.keys.add(key);
  }

  /** A lease that has just ended holds no keys any more. */
  detach(leaseId: LeaseId, key: Key): void {
    this.#leases.get(leaseId)?.keys.delete(key);
  }

  get(leaseId: LeaseId): LeaseInfo | null {
    const lease = this.#leases.get(leaseId);
    return lease === undefined ? null : describe(leaseId, lease);
  }

  /** Puts an id that is not alive behind the others that have ended. */
  rememberEnded(leaseId: LeaseId): void {
    this.#ended.add(leaseId);
    this.#endedInOrder.push(leaseId);
    if (this.#ended.size <= MAX_ENDED_LEASES) return;
    const { element, number, wasTaken } = this.#endedInOrder.dropOldest();
    this.#ended.delete(element);
    if (wasTaken) this.#forgottenRows.push(number);
  }

  get endedCount(): number {
    return this.#ended.size;
  }

  /** The number that the next ended lease gets. Set while none has ended. */
  get nextEndedNumber(): number {
    return this.#endedInOrder.next;
  }

  set nextEndedNumber(number: number) {
    this.#endedInOrder.startAt(number);
  }

  /** What has changed since the last call. */
  takeChanges(): LeaseChanges {
    const leases = this.#changedRows.take().map((leaseId) => ({ leaseId, terms: this.#terms(leaseId) }));
    const forgotten = this.#forgottenRows;
    this.#forgottenRows = [];
    return { leases, ended: this.#endedInOrder.take(), forgotten };
  }

  #terms(leaseId: LeaseId): LeaseTerms | null {
    const lease = this.#leases.get(leaseId);
    return lease === undefined ? null : { ttlMs: lease.ttlMs, remainingTtlMs: lease.remainingTtlMs };
  }

  /** In no order that means anything: a node that was restored has another one. */
  *all(): IterableIterator<LeaseInfo> {
    for (const [leaseId, lease] of this.#leases) yield describe(leaseId, lease);
  }
}

const describe = (leaseId: LeaseId, lease: Lease): LeaseInfo => ({
  leaseId,
  ttlMs: lease.ttlMs,
  remainingTtlMs: lease.remainingTtlMs,
  keys: sorted(lease.keys),
});

/** Never the order in which keys were attached: a node that starts from a snapshot would know another one. */
const sorted = (keys: ReadonlySet<Key>): Key[] => [...keys].sort((left, right) => (left < right ? -1 : 1));
