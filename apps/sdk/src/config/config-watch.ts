import type { WireEvent } from '@latchkey/contracts';
import { CompactedError } from '../errors/latchkey-error.js';
import { fromJsonBytes } from '../kv/text-codec.js';
import { readSnapshot } from '../kv/range-reader.js';
import type { RequestPort } from '../requests/request-port.js';
import { eventRevision } from '../watch/watch-buffer.js';
import type { Subscription } from '../watch/subscription.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import { streamFrom } from '../watch/watch-stream.js';
import type { ConfigEntry } from './config-entry.js';
import { configEntry } from './config-entry.js';

export type ConfigChange<Value = unknown> =
  | {
      readonly type: 'set';
      readonly key: string;
      readonly value: Value;
      /** null when there was none. */
      readonly previous: Value | null;
      readonly revision: number;
    }
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly value: null;
      readonly previous: Value | null;
      readonly revision: number;
    }
  /**
   * What lies between was compacted away: forget everything below `key` (the watched prefix) and take `entries`, which is all there was at
   * `revision`. Changes from the next revision on follow.
   */
  | {
      readonly type: 'reset';
      readonly key: string;
      readonly value: null;
      readonly previous: null;
      readonly revision: number;
      readonly entries: readonly ConfigEntry<Value>[];
    };

export type ConfigWatchOptions = {
  /** First revision wanted, inclusive; absent = from now on. */
  readonly fromRevision?: number;
  readonly signal?: AbortSignal;
};

export type ConfigWatchParts = {
  readonly requests: RequestPort;
  readonly watches: WatchHub;
  /** `config/<namespace>/`. */
  readonly keyPrefix: string;
  /** Of the keys inside the namespace. */
  readonly prefix: string;
  readonly options: ConfigWatchOptions;
};

/** A watch that heals itself: it never has a gap, and never ends because history was compacted (FAILURE-MODES 47). */
export function watchConfig<Value>(parts: ConfigWatchParts): WatchStream<ConfigChange<Value>> {
  const { requests, watches, keyPrefix, prefix, options } = parts;
  const range = { prefix: keyPrefix + prefix };
  const subscribe = (fromRevision?: number): Subscription =>
    watches.subscribe({
      range,
      previous: true,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(fromRevision === undefined ? {} : { fromRevision }),
    });
  let subscription = subscribe(options.fromRevision);
  let stopped = false;

  const reset = async (): Promise<readonly ConfigChange<Value>[]> => {
    const { revision, records } = await readSnapshot(requests, range);
    if (!stopped) subscription = subscribe(revision + 1);
    const entries = records.map((record) => configEntry<Value>(record, keyPrefix));
    return [{ type: 'reset', key: prefix, value: null, previous: null, revision, entries }];
  };

  return streamFrom({
    opened: () => subscription.opened(),
    pull: async () => {
      try {
        const events = await subscription.next();
        return events === null ? null : changesOf<Value>(events, keyPrefix);
      } catch (error) {
        if (error instanceof CompactedError) return reset();
        throw error;
      }
    },
    stop: () => {
      stopped = true;
      subscription.end(null);
    },
  });
}

/** One by one: a value that is no JSON must not take those before it along. */
function* changesOf<Value>(events: readonly WireEvent[], keyPrefix: string): IterableIterator<ConfigChange<Value>> {
  for (const event of events) yield configChange<Value>(event, keyPrefix);
}

function configChange<Value>(event: WireEvent, keyPrefix: string): ConfigChange<Value> {
  const revision = eventRevision(event);
  // The caller names the type of its settings.
  const previous = event.previous === null ? null : (fromJsonBytes(event.previous.value) as Value);
  if (event.type === 'delete') {
    return { type: 'delete', key: event.key.slice(keyPrefix.length), value: null, previous, revision };
  }
  const { key, value } = configEntry<Value>(event.record, keyPrefix);
  return { type: 'set', key, value, previous, revision };
}
