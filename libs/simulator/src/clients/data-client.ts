import type { ClientCore } from '@latchkey/sdk-core';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import type { HistoryRecorder } from './history-recorder.js';
import type { ClientWorld, SdkClient } from './sdk-client.js';
import { bytesOf, textOf } from './text-bytes.js';

/** What the clients of a run do, as parts of one. */
const MIX = { put: 0.4, read: 0.35, compareAndSet: 0.15 } as const;

/** Errors that promise that nothing was done; the history holds them against it. */
const NOT_DONE = ['UNAVAILABLE', 'OVERLOADED', 'CLIENT_CLOSED', 'REVISION_MISMATCH'] as const;

export type DataClientOptions = {
  readonly keyCount: number;
  readonly thinkMs: number;
  readonly history: HistoryRecorder;
};

/** Reads and writes a few keys, one operation at a time, and records what it saw. */
export class DataClient {
  private lastSeen: { readonly key: string; readonly modRevision: number } | null = null;

  constructor(
    private readonly context: ClientWorld,
    readonly sdk: SdkClient,
    private readonly options: DataClientOptions,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    while (!isOver()) {
      await world.sleep(random.exponential(this.options.thinkMs));
      const core = isOver() ? null : await this.sdk.opened();
      if (core !== null) await this.operate(core);
    }
    await this.sdk.close();
  }

  private async operate(core: ClientCore): Promise<void> {
    const { random } = this.context;
    const name = `${UNIQUE_VALUES_PREFIX}${random.integer(1, this.options.keyCount)}`;
    const dice = random.next();
    if (dice < MIX.put) await this.write(core, name, this.options.history.nextValue());
    else if (dice < MIX.put + MIX.read) await this.read(core, name);
    else if (dice < MIX.put + MIX.read + MIX.compareAndSet) await this.compareAndSet(core);
    else await this.write(core, name, null);
  }

  /** A put, or with null a delete; true when it was done. */
  async write(core: ClientCore, name: string, value: string | null, ifRevision: number | null = null) {
    const { history } = this.options;
    const { world } = this.context;
    const { name: client } = this.sdk.options;
    const end = history.begin({ type: 'write', client, key: name, value, invokedAtMs: world.nowMs });
    try {
      const revision = await this.send(core, name, value, ifRevision);
      const returnedAtMs = world.nowMs;
      if (revision === null) end({ type: 'failed', returnedAtMs });
      else end({ type: 'ok', returnedAtMs, result: { revision } });
      return revision !== null;
    } catch (error) {
      const code = this.sdk.expect(error, [...NOT_DONE, 'OUTCOME_UNKNOWN']);
      end(code === 'OUTCOME_UNKNOWN' ? { type: 'unknown' } : { type: 'failed', returnedAtMs: world.nowMs });
      return false;
    }
  }

  async read(core: ClientCore, name: string): Promise<boolean> {
    const { world } = this.context;
    const { history } = this.options;
    const asked = { type: 'read', client: this.sdk.options.name, key: name, invokedAtMs: world.nowMs } as const;
    try {
      const { revision, record } = await core.requests.call({ op: 'get', key: name });
      if (record !== null) this.lastSeen = { key: name, modRevision: record.modRevision };
      const result = { revision, value: record === null ? null : textOf(record.value) };
      history.record({ ...asked, ending: { type: 'ok', returnedAtMs: world.nowMs, result } });
      return true;
    } catch (error) {
      this.sdk.expect(error, ['UNAVAILABLE', 'OVERLOADED', 'CLIENT_CLOSED', 'OUTCOME_UNKNOWN']);
      history.record({ ...asked, ending: { type: 'unknown' } });
      return false;
    }
  }

  /** Writes if the key is still as it was read last. */
  private async compareAndSet(core: ClientCore): Promise<void> {
    const seen = this.lastSeen;
    if (seen !== null) await this.write(core, seen.key, this.options.history.nextValue(), seen.modRevision);
  }

  /** The revision it was done at; null when there was nothing to delete. */
  private async send(
    core: ClientCore,
    name: string,
    value: string | null,
    ifRevision: number | null,
  ): Promise<number | null> {
    if (value === null) {
      const { revision, deleted } = await core.requests.call({ op: 'delete', range: { key: name } });
      return deleted > 0 ? revision : null;
    }
    const condition = ifRevision === null ? {} : { ifRevision };
    return (await core.requests.call({ op: 'put', key: name, value: bytesOf(value), ...condition })).revision;
  }
}
