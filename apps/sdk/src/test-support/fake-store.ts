import type { ErrorBody, WireEvent, WireRange, WireRecord } from '@latchkey/contracts';
import type { Clock } from '../ports/clock.js';

export type RevisionEvents = { readonly revision: number; readonly events: readonly WireEvent[] };
type FakeLease = { readonly ttlMs: number; expiresAtMs: number };

/** The replicated state of the fake cluster: keys with revisions, leases that run out, events. As much of it as the stories need. */
export class FakeStore {
  revision = 1;
  compactRevision = 0;
  readonly records = new Map<string, WireRecord>();
  readonly leases = new Map<string, FakeLease>();
  readonly log: RevisionEvents[] = [];
  readonly listeners = new Set<(change: RevisionEvents | null) => void>();

  constructor(private readonly clock: Clock) {}

  put(key: string, value: Uint8Array, lease: string | null = null): number {
    const before = this.records.get(key) ?? null;
    this.revision += 1;
    const record: WireRecord = {
      key,
      value,
      lease,
      createRevision: before?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (before?.version ?? 0) + 1,
      updatedAtMs: 0,
    };
    this.records.set(key, record);
    this.#publish([{ type: 'put', record, previous: before }]);
    return this.revision;
  }

  delete(keys: readonly string[]): number {
    const gone = keys.flatMap((key) => this.records.get(key) ?? []);
    if (gone.length === 0) return 0;
    this.revision += 1;
    for (const { key } of gone) this.records.delete(key);
    const { revision } = this;
    this.#publish(gone.map((previous) => ({ type: 'delete', key: previous.key, revision, previous })));
    return gone.length;
  }

  range(range: WireRange): WireRecord[] {
    return [...this.records.values()]
      .filter(({ key }) => contains(range, key))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  grant(id: string, ttlMs: number): void {
    this.leases.set(id, { ttlMs, expiresAtMs: 0 });
    this.renew(id);
  }

  renew(id: string): boolean {
    const lease = this.leases.get(id);
    if (lease === undefined) return false;
    lease.expiresAtMs = this.clock.nowMs() + lease.ttlMs;
    this.clock.setTimer(lease.ttlMs, () => {
      if (this.leases.get(id) === lease && this.clock.nowMs() >= lease.expiresAtMs) this.endLease(id);
    });
    return true;
  }

  endLease(id: string): boolean {
    if (!this.leases.delete(id)) return false;
    this.delete([...this.records.values()].filter(({ lease }) => lease === id).map(({ key }) => key));
    for (const listener of this.listeners) listener(null);
    return true;
  }

  /** In the order of the queue. */
  queue(space: string, name: string): WireRecord[] {
    return this.range({ prefix: `${space}/${name}/` }).sort((a, b) => a.createRevision - b.createRevision);
  }

  #publish(events: readonly WireEvent[]): void {
    const change = { revision: this.revision, events };
    this.log.push(change);
    for (const listener of this.listeners) listener(change);
  }
}

export function contains(range: WireRange, key: string): boolean {
  if ('key' in range) return key === range.key;
  if ('prefix' in range) return key.startsWith(range.prefix);
  return key >= range.from && key < range.to;
}

export function keyOfEvent(event: WireEvent): string {
  return event.type === 'put' ? event.record.key : event.key;
}

export function refusal(code: ErrorBody['code'], details: Record<string, unknown> = {}): ErrorBody {
  const safe = ['UNAVAILABLE', 'OVERLOADED', 'TOO_MANY', 'LOCK_HELD', 'LOCK_WAIT_TIMEOUT', 'CANCELLED'];
  const unknown = ['OUTCOME_UNKNOWN', 'INTERNAL'];
  const retry = safe.includes(code) ? 'safe' : unknown.includes(code) ? 'onlyIfIdempotent' : 'never';
  return { code, message: `${code} says the fake`, retry, details };
}
