import type { WireEvent, WireRecord } from '@latchkey/contracts';
import { CompactedError } from '../errors/latchkey-error.js';
import { readSnapshot } from '../kv/range-reader.js';
import { fromJsonBytes } from '../kv/text-codec.js';
import type { RequestPort } from '../requests/request-port.js';
import type { Subscription } from '../watch/subscription.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import { streamFrom } from '../watch/watch-stream.js';

export type Leader<Value = unknown> = {
  /** What the leader proclaimed last; null when it is not JSON. */
  readonly value: Value | null;
  readonly fencingToken: number;
  /** The leader's lease. */
  readonly lease: string;
  /** Of the last proclamation. */
  readonly revision: number;
};

/** Who leads follows from the keys alone: the oldest one below `elections/<name>/`. */
export class ElectionView<Value> {
  readonly #records = new Map<string, WireRecord>();
  #seen = '';

  constructor(private readonly prefix: string) {}

  reset(records: readonly WireRecord[]): void {
    this.#records.clear();
    for (const record of records) this.#put(record);
  }

  apply(event: WireEvent): void {
    if (event.type === 'delete') this.#records.delete(event.key);
    else this.#put(event.record);
  }

  get leader(): Leader<Value> | null {
    let oldest: WireRecord | null = null;
    for (const record of this.#records.values()) {
      if (oldest === null || record.createRevision < oldest.createRevision) oldest = record;
    }
    if (oldest === null) return null;
    const lease = oldest.key.slice(this.prefix.length);
    const { createRevision: fencingToken, modRevision: revision } = oldest;
    return { value: jsonOrNull<Value>(oldest.value), fencingToken, lease, revision };
  }

  /** The leader if it, or what it proclaims, is another than at the last call. */
  takeChange(): Leader<Value> | null {
    const { leader } = this;
    const state = leader === null ? '' : `${leader.fencingToken}/${leader.revision}`;
    if (state === this.#seen) return null;
    this.#seen = state;
    return leader;
  }

  #put(record: WireRecord): void {
    // `elections/a/` also covers the keys of an election named `a/b`.
    if (!record.key.slice(this.prefix.length).includes('/')) this.#records.set(record.key, record);
  }
}

/** The leader now (if there is one), then every other leader and proclamation. Changes that follow each other at once may be seen as one. */
export function observeElection<Value>(parts: {
  readonly requests: RequestPort;
  readonly watches: WatchHub;
  readonly name: string;
  readonly signal?: AbortSignal;
}): WatchStream<Leader<Value>> {
  const { requests, watches, name, signal } = parts;
  const range = { prefix: `elections/${name}/` };
  const view = new ElectionView<Value>(range.prefix);
  let subscription: Subscription | null = null;
  let stopped = signal?.aborted === true;

  const start = async (): Promise<void> => {
    const { revision, records } = await readSnapshot(requests, range);
    view.reset(records);
    const options = { range, fromRevision: revision + 1, ...(signal === undefined ? {} : { signal }) };
    if (!stopped) subscription = watches.subscribe(options);
  };
  /** One by one: a reader who is slow sees every leader, too. */
  function* leadersAfter(events: readonly WireEvent[]): IterableIterator<Leader<Value>> {
    for (const event of events) {
      view.apply(event);
      const leader = view.takeChange();
      if (leader !== null) yield leader;
    }
  }
  const pull = async (): Promise<Iterable<Leader<Value>> | null> => {
    if (stopped) return null;
    try {
      if (subscription !== null) {
        const events = await subscription.next();
        return events === null ? null : leadersAfter(events);
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
    }
    await start();
    const leader = view.takeChange();
    return leader === null ? [] : [leader];
  };
  return streamFrom({
    pull,
    // It begins with a snapshot when it is read, so it misses nothing.
    opened: () => Promise.resolve(),
    stop: () => {
      stopped = true;
      subscription?.end(null);
    },
  });
}

function jsonOrNull<Value>(bytes: Uint8Array): Value | null {
  try {
    // The caller names the type of what its candidates proclaim.
    return fromJsonBytes(bytes) as Value;
  } catch {
    // Other etcd clients proclaim any bytes.
    return null;
  }
}
