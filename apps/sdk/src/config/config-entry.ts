import type { WireRecord } from '@latchkey/contracts';
import { fromJsonBytes } from '../kv/text-codec.js';

/** One setting. `revision` is what `ifRevision` and `rollback` want. */
export type ConfigEntry<Value = unknown> = {
  /** Without the namespace. */
  readonly key: string;
  readonly value: Value;
  readonly revision: number;
  /** 1 when created, one more with every change since. */
  readonly version: number;
  /** By the leader's wall clock; for display. */
  readonly updatedAt: Date;
};

/** One line of a setting's history; `value` is undefined where it was deleted. */
export type ConfigVersion<Value = unknown> = {
  readonly revision: number;
  readonly deleted: boolean;
  readonly value: Value | undefined;
  readonly version: number;
  readonly updatedAt: Date | null;
};

/** @throws SyntaxError when something else than this SDK or the HTTP API wrote bytes that are not JSON */
export function configEntry<Value>(record: WireRecord, keyPrefix: string): ConfigEntry<Value> {
  return {
    key: record.key.slice(keyPrefix.length),
    // The caller names the type of its setting.
    value: fromJsonBytes(record.value) as Value,
    revision: record.modRevision,
    version: record.version,
    updatedAt: new Date(record.updatedAtMs),
  };
}
