import type { WireRecord } from '@latchkey/contracts';
import { fromJsonBytes, toText } from './text-codec.js';

/** One key with its value, as of some revision. */
export class KvEntry {
  readonly key: string;
  /** As written. A view into a received frame: copy it to keep it for long. */
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 when created, one more with every change since. */
  readonly version: number;
  /** Id of the lease with which the key will vanish, or null. */
  readonly lease: string | null;
  /** By the leader's wall clock; for display only. */
  readonly updatedAt: Date;

  constructor(record: WireRecord) {
    this.key = record.key;
    this.value = record.value;
    this.createRevision = record.createRevision;
    this.modRevision = record.modRevision;
    this.version = record.version;
    this.lease = record.lease;
    this.updatedAt = new Date(record.updatedAtMs);
  }

  /** The value read as UTF-8. */
  text(): string {
    return toText(this.value);
  }

  /** The value read as JSON. @throws SyntaxError when it is not */
  json<Value = unknown>(): Value {
    // The caller names the type; only the caller knows what was written there.
    return fromJsonBytes(this.value) as Value;
  }
}

export function entryOrNull(record: WireRecord | null): KvEntry | null {
  return record === null ? null : new KvEntry(record);
}
