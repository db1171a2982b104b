import type { ClientResult, HistoryRequest, HistoryResult, RangeRequest, RangeResult } from '@latchkey/contracts';
import { leaseId, pastValueBytes, revision, type PastRecord, type StateReader } from '@latchkey/state-machine';
import type { PastValues } from '../history/past-values.js';
import type { LockView } from '../locks/lock-view.js';
import { keyOfText, rangeOfWire, textOfBytes } from './key-text.js';
import { wireRecord } from './to-result.js';
import type { ReadRequest } from './write-request.js';
import { errorBodyOfRefusal, wireError, WireError } from './wire-error.js';

/** The answer to a range or a history stops here with `more`, whatever limit was asked for: it has to fit in a frame. */
export const MAX_RANGE_RECORDS = 10_000;
export const MAX_RANGE_BYTES = 3 * 1024 * 1024;
const RECORD_OVERHEAD_BYTES = 128;

/** Answers from this node's applied state, as it is at the moment. */
export class LocalReads {
  constructor(
    private readonly reader: StateReader,
    private readonly locks: LockView,
    private readonly past: PastValues,
  ) {}

  /** At once, unless old values have to be read first. @throws WireError for a refusal */
  read(request: ReadRequest): ClientResult | Promise<ClientResult> {
    const { reader } = this;
    switch (request.op) {
      case 'get': {
        const record = this.recordAt(request.key, request.revision);
        const now = reader.revision;
        if (record === null) return { revision: now, record };
        return this.past.with([record], (valueOf) => ({ revision: now, record: wireRecord(valueOf(record)) }));
      }
      case 'range':
        return this.range(request);
      case 'history':
        return this.history(request);
      case 'leaseList':
        return { leases: [...reader.leases()].map(({ leaseId: id, ttlMs }) => ({ id, ttlMs })) };
      case 'lockInspect':
        return this.locks.inspect(request.space, request.name);
      case 'lockList':
        return { locks: this.locks.list(request.space, request.prefix ?? '') };
    }
  }

  /** @throws WireError COMPACTED, FUTURE_REVISION */
  private recordAt(key: string, atRevision: number | undefined): PastRecord | null {
    if (atRevision === undefined) return this.reader.get(keyOfText(key));
    const found = this.reader.getAt(keyOfText(key), revision(atRevision));
    if (found !== null && 'code' in found) throw new WireError(errorBodyOfRefusal(found));
    return found;
  }

  /** @throws WireError LEASE_NOT_FOUND */
  leaseKeys(id: string): { readonly ttlMs: number; readonly keys: readonly string[] } {
    const lease = this.reader.lease(leaseId(id));
    if (lease === null) throw wireError('LEASE_NOT_FOUND', 'no such lease: it has ended or never was');
    return { ttlMs: lease.ttlMs, keys: lease.keys.map(textOfBytes) };
  }

  private history({ key, beforeRevision = Infinity }: HistoryRequest): HistoryResult | Promise<HistoryResult> {
    const now = this.reader.revision;
    const held = this.reader.history(keyOfText(key)).filter((version) => version.revision < beforeRevision);
    const newestFirst = held.map(({ record }) => record).reverse();
    const versions = held.slice(held.length - countThatFits(newestFirst));
    return this.past.with(
      versions.map(({ record }) => record),
      (valueOf) => ({
        revision: now,
        versions: versions.map(({ revision: at, record }) => ({
          revision: at,
          record: record === null ? null : wireRecord(valueOf(record)),
        })),
        more: versions.length < held.length,
      }),
    );
  }

  private range(request: RangeRequest): RangeResult | Promise<RangeResult> {
    const asked = request.limit ?? 0;
    const limit = asked === 0 ? MAX_RANGE_RECORDS : Math.min(asked, MAX_RANGE_RECORDS);
    const found = this.reader.range({
      range: rangeOfWire(request.range),
      limit,
      revision: request.revision === undefined ? null : revision(request.revision),
      keysOnly: request.keysOnly === true,
    });
    if ('code' in found) throw new WireError(errorBodyOfRefusal(found));
    const { records, count } = found;
    const now = this.reader.revision;
    const fitting = records.slice(0, countThatFits(records));
    const more = found.more || fitting.length < records.length;
    return this.past.with(fitting, (valueOf) => ({
      revision: now,
      records: fitting.map((record) => wireRecord(valueOf(record))),
      count,
      more,
    }));
  }
}

/** At least one, so that whoever pages on always gets further. */
function countThatFits(records: readonly (PastRecord | null)[]): number {
  let byteCount = 0;
  for (const [index, record] of records.entries()) {
    byteCount += RECORD_OVERHEAD_BYTES + (record?.key.length ?? 0) + (record === null ? 0 : pastValueBytes(record));
    if (index > 0 && (byteCount > MAX_RANGE_BYTES || index === MAX_RANGE_RECORDS)) return index;
  }
  return records.length;
}
