import type { Consistency, WireEvent, WireRange } from '@latchkey/contracts';
import type { RequestPort } from '../requests/request-port.js';
import { eventRevision } from '../watch/watch-buffer.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import { streamFrom } from '../watch/watch-stream.js';
import { KvEntry, entryOrNull } from './kv-entry.js';
import type { KvDeleteResult, KvPutResult, KvRangeResult } from './kv-results.js';
import { rangeResult } from './kv-results.js';
import type { DeleteOptions, PutOptions } from './operation.js';
import { toRange } from './operation.js';
import type { ValueInput } from './text-codec.js';
import { toBytes } from './text-codec.js';
import { Transaction } from './transaction.js';

export type ReadOptions = {
  /** As of this revision; absent = now. */
  readonly revision?: number;
  /** `serializable` may be behind, and never waits for other nodes. Default: linearizable. */
  readonly consistency?: Consistency;
};
export type RangeOptions = ReadOptions & { readonly limit?: number; readonly keysOnly?: boolean };
export type KvWatchOptions = {
  /** First revision wanted, inclusive; absent = from now on. */
  readonly fromRevision?: number;
  /** With the version before each change. */
  readonly previous?: boolean;
  readonly signal?: AbortSignal;
};

export type KvEvent = {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  /** null for a delete. */
  readonly entry: KvEntry | null;
  /** null when there was none, or it was not asked for. */
  readonly previous: KvEntry | null;
};

/** The key space itself. Values are bytes: text is written as UTF-8, and read with `entry.text()` or `entry.json()`. */
export class KvClient {
  constructor(
    private readonly requests: RequestPort,
    private readonly watches: WatchHub,
  ) {}

  /** @throws RevisionMismatchError when `ifRevision` does not match */
  put(key: string, value: ValueInput, options?: PutOptions): Promise<KvPutResult> {
    const request = { op: 'put', key, value: toBytes(value), ...options } as const;
    if (options?.previous === true) {
      return this.requests
        .call(request)
        .then(({ revision, previous }) => ({ revision, previous: entryOrNull(previous ?? null) }));
    }
    // The hot path: the answer is handed on as it came.
    const result: Promise<{ readonly revision: number }> = this.requests.call(request);
    return result;
  }

  async get(key: string, options: ReadOptions = {}): Promise<KvEntry | null> {
    return entryOrNull((await this.requests.call({ op: 'get', key, ...options })).record);
  }

  /** Deletes a key, or everything in a range, as one revision. Nothing there is no error: `deleted` is 0. */
  async delete(keyOrRange: string | WireRange, options: DeleteOptions = {}): Promise<KvDeleteResult> {
    const result = await this.requests.call({ op: 'delete', range: toRange(keyOrRange), ...options });
    const { revision, deleted, previous } = result;
    if (previous === undefined) return { revision, deleted };
    return { revision, deleted, previous: previous.map((record) => new KvEntry(record)) };
  }

  async range(range: WireRange, options: RangeOptions = {}): Promise<KvRangeResult> {
    return rangeResult(await this.requests.call({ op: 'range', range, ...options }));
  }

  /**
   * Every change, once, in order, also across lost connections and nodes. A reader who is slow loses nothing: the flow stops and goes on later.
   * @throws CompactedError (from the loop) when what it would have to go on from is gone
   */
  watch(keyOrRange: string | WireRange, options: KvWatchOptions = {}): WatchStream<KvEvent> {
    const subscription = this.watches.subscribe({ range: toRange(keyOrRange), ...options });
    return streamFrom({
      pull: async () => {
        const events = await subscription.next();
        return events === null ? null : kvEvents(events);
      },
      stop: () => subscription.end(null),
      opened: () => subscription.opened(),
    });
  }

  txn(): Transaction {
    return new Transaction(this.requests);
  }

  /** Forgets history below `revision` on all nodes. */
  compact(revision: number): Promise<{ readonly revision: number; readonly compactRevision: number }> {
    return this.requests.call({ op: 'compact', revision });
  }
}

/** One by one: what is made when it is wanted dies young. */
function* kvEvents(events: readonly WireEvent[]): IterableIterator<KvEvent> {
  for (const event of events) yield kvEvent(event);
}

function kvEvent(event: WireEvent): KvEvent {
  const revision = eventRevision(event);
  const previous = entryOrNull(event.previous);
  return event.type === 'put'
    ? { type: 'put', key: event.record.key, revision, entry: new KvEntry(event.record), previous }
    : { type: 'delete', key: event.key, revision, entry: null, previous };
}
