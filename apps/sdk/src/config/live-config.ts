import { EventHub } from '../client-events.js';
import { readSnapshot } from '../kv/range-reader.js';
import { fromJsonBytes } from '../kv/text-codec.js';
import type { RequestPort } from '../requests/request-port.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import type { ConfigChange } from './config-watch.js';
import { watchConfig } from './config-watch.js';

export type LiveConfigParts = {
  readonly requests: RequestPort;
  readonly watches: WatchHub;
  readonly keyPrefix: string;
  readonly path: string;
  readonly options: { readonly signal?: AbortSignal };
};

type LiveEvents<Value> = { change: { readonly value: Value; readonly revision: number }; error: unknown };

/** Settings below `<path>/` as one object: `limits/max` is `value.max`, `limits/http/rate` is `value.http.rate`. A new object after each change. */
export class LiveConfig<Value extends object> implements Disposable {
  readonly #events = new EventHub<LiveEvents<Value>>();
  readonly #byKey = new Map<string, unknown>();
  #value: Value;
  #revision: number;

  constructor(
    private readonly path: string,
    snapshot: { readonly revision: number; readonly values: ReadonlyMap<string, unknown> },
    private readonly changes: WatchStream<ConfigChange>,
  ) {
    this.#byKey = new Map(snapshot.values);
    this.#revision = snapshot.revision;
    this.#value = this.#build();
    void this.#follow();
  }

  get value(): Value {
    return this.#value;
  }

  /** The store's revision at the last change seen. */
  get revision(): number {
    return this.#revision;
  }

  on<Name extends keyof LiveEvents<Value>>(name: Name, listener: (event: LiveEvents<Value>[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  close(): void {
    void this.changes.return();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #follow(): Promise<void> {
    try {
      for await (const change of this.changes) this.#apply(change);
    } catch (error) {
      this.#events.emit('error', error);
    }
  }

  #apply(change: ConfigChange): void {
    if (change.type === 'set') this.#byKey.set(change.key, change.value);
    else if (change.type === 'delete') this.#byKey.delete(change.key);
    else {
      this.#byKey.clear();
      for (const entry of change.entries) this.#byKey.set(entry.key, entry.value);
    }
    this.#revision = change.revision;
    this.#value = this.#build();
    this.#events.emit('change', { value: this.#value, revision: this.#revision });
  }

  #build(): Value {
    const root: Record<string, unknown> = {};
    for (const [key, value] of [...this.#byKey].sort(([a], [b]) => (a < b ? -1 : 1))) {
      setPath(root, key.slice(this.path.length + 1).split('/'), value);
    }
    // The caller names the shape; what does not fit it is the writer's mistake, which only a schema can refuse.
    return root as Value;
  }
}

export async function openLiveConfig<Value extends object>(parts: LiveConfigParts): Promise<LiveConfig<Value>> {
  const { requests, watches, keyPrefix, path } = parts;
  const { revision, records } = await readSnapshot(requests, { prefix: `${keyPrefix}${path}/` });
  const values = new Map(records.map((record) => [record.key.slice(keyPrefix.length), fromJsonBytes(record.value)]));
  const options = { ...parts.options, fromRevision: revision + 1 };
  const changes = watchConfig<unknown>({ requests, watches, keyPrefix, prefix: `${path}/`, options });
  return new LiveConfig<Value>(path, { revision, values }, changes);
}

function setPath(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = root;
  for (const name of path.slice(0, -1)) {
    const child = Object.hasOwn(node, name) ? node[name] : undefined;
    // A plain value and a folder of the same name: the folder wins, or its settings would be lost.
    const next = isRecord(child) ? child : {};
    define(node, name, next);
    node = next;
  }
  define(node, path.at(-1) ?? '', value);
}

/** Not by assignment: a key named `__proto__` is a key like any other. */
function define(node: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(node, name, { value, enumerable: true, configurable: true, writable: true });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
