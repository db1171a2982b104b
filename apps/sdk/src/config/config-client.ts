import type { HistoryResult } from '@latchkey/contracts';
import { InvalidArgumentError } from '../errors/latchkey-error.js';
import { readSnapshot } from '../kv/range-reader.js';
import { toJsonBytes } from '../kv/text-codec.js';
import type { RequestPort } from '../requests/request-port.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import type { ConfigEntry, ConfigVersion } from './config-entry.js';
import { configEntry } from './config-entry.js';
import type { ConfigChange, ConfigWatchOptions } from './config-watch.js';
import { watchConfig } from './config-watch.js';
import type { LiveConfig } from './live-config.js';
import { openLiveConfig } from './live-config.js';

export type ConfigWriteOptions = {
  /** The entry's revision that must be current; 0 = it must not exist. */
  readonly ifRevision?: number;
};

/** One namespace of settings: JSON values under text keys. A view of the keys `config/<namespace>/…`. */
export class ConfigClient {
  readonly #keyPrefix: string;

  constructor(
    readonly namespace: string,
    private readonly requests: RequestPort,
    private readonly watches: WatchHub,
  ) {
    if (namespace === '' || namespace.includes('/')) {
      throw new InvalidArgumentError('a namespace is text without a slash', { details: { field: 'namespace' } });
    }
    this.#keyPrefix = `config/${namespace}/`;
  }

  async get<Value = unknown>(key: string): Promise<ConfigEntry<Value> | null> {
    const { record } = await this.requests.call({ op: 'get', key: this.#keyPrefix + key });
    return record === null ? null : configEntry<Value>(record, this.#keyPrefix);
  }

  /** Every entry whose key begins with `prefix`, in key order, all as of one revision. */
  async getAll<Value = unknown>(prefix = ''): Promise<readonly ConfigEntry<Value>[]> {
    const { records } = await readSnapshot(this.requests, { prefix: this.#keyPrefix + prefix });
    return records.map((record) => configEntry<Value>(record, this.#keyPrefix));
  }

  /** @throws RevisionMismatchError when `ifRevision` is not the current one */
  async set(key: string, value: unknown, options: ConfigWriteOptions = {}): Promise<{ readonly revision: number }> {
    const request = { op: 'put', key: this.#keyPrefix + key, value: toJsonBytes(value), ...options } as const;
    const { revision } = await this.requests.call(request);
    return { revision };
  }

  async delete(
    key: string,
    options: ConfigWriteOptions = {},
  ): Promise<{ readonly revision: number; readonly deleted: boolean }> {
    const request = { op: 'delete', range: { key: this.#keyPrefix + key }, ...options } as const;
    const { revision, deleted } = await this.requests.call(request);
    return { revision, deleted: deleted > 0 };
  }

  /** Every version that is still kept, oldest first. */
  async history<Value = unknown>(key: string): Promise<readonly ConfigVersion<Value>[]> {
    const versions = await this.#versions(this.#keyPrefix + key);
    return versions.map(({ revision, record }) => {
      if (record === null) return { revision, deleted: true, value: undefined, version: 0, updatedAt: null };
      const { value, version, updatedAt } = configEntry<Value>(record, this.#keyPrefix);
      return { revision, deleted: false, value, version, updatedAt };
    });
  }

  /**
   * Makes the value as of `toRevision` current again, as a new revision; deletes the entry if it did not exist then.
   * @throws CompactedError when that revision is gone; RevisionMismatchError when the entry changes meanwhile
   */
  async rollback(key: string, options: { readonly toRevision: number }): Promise<{ readonly revision: number }> {
    const fullKey = this.#keyPrefix + key;
    const [then, now] = await Promise.all([
      this.requests.call({ op: 'get', key: fullKey, revision: options.toRevision }),
      this.requests.call({ op: 'get', key: fullKey }),
    ]);
    // Only over what was seen here: a change that comes in between is not silently undone.
    const ifRevision = now.record?.modRevision ?? 0;
    if (then.record !== null) {
      const { value } = then.record;
      const { revision } = await this.requests.call({ op: 'put', key: fullKey, value, ifRevision });
      return { revision };
    }
    if (now.record === null) return { revision: now.revision };
    const { revision } = await this.requests.call({ op: 'delete', range: { key: fullKey }, ifRevision });
    return { revision };
  }

  /** Every change below `prefix`, once, in order, without a gap; see `ConfigChange` for `reset`. */
  watch<Value = unknown>(prefix = '', options: ConfigWatchOptions = {}): WatchStream<ConfigChange<Value>> {
    const { requests, watches } = this;
    return watchConfig<Value>({ requests, watches, keyPrefix: this.#keyPrefix, prefix, options });
  }

  /** The settings below `path/` as one object that keeps itself up to date. Resolves when it has its first value. */
  live<Value extends object>(
    path: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<LiveConfig<Value>> {
    const { requests, watches } = this;
    return openLiveConfig<Value>({ requests, watches, keyPrefix: this.#keyPrefix, path, options });
  }

  /** Page by page: an answer holds as many versions as fit. */
  async #versions(key: string): Promise<HistoryResult['versions']> {
    let page = await this.requests.call({ op: 'history', key });
    const pages = [page.versions];
    for (let oldest = page.versions[0]; page.more && oldest !== undefined; oldest = page.versions[0]) {
      page = await this.requests.call({ op: 'history', key, beforeRevision: oldest.revision });
      pages.push(page.versions);
    }
    return pages.reverse().flat();
  }
}
