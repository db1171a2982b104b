import type { ClientResult, RangeRequest, RangeResult } from '@latchkey/contracts';
import { leaseId, revision, type KeyRecord, type StateReader } from '@latchkey/state-machine';
import type { LockView } from '../locks/lock-view.js';
import { keyOfText, rangeOfWire, textOfBytes } from './key-text.js';
import { wireRecord, wireRecordOrNull } from './to-result.js';
import type { ReadRequest } from './write-request.js';
import { errorBodyOfRefusal, wireError, WireError } from './wire-error.js';

/** A range's answer stops here with `more`, whatever limit was asked for: it has to fit in a frame. */
export const MAX_RANGE_RECORDS = 10_000;
export const MAX_RANGE_BYTES = 3 * 1024 * 1024;
const RECORD_OVERHEAD_BYTES = 128;

/** Answers from this node's applied state, as it is at the moment. */
export class LocalReads {
  constructor(
    private readonly reader: StateReader,
    private readonly locks: LockView,
  ) {}

  /** @throws WireError for a refusal */
  read(request: ReadRequest): ClientResult {
    const { reader } = this;
    switch (request.op) {
      case 'get': {
        const record = this.recordAt(request.key, request.revision);
        return { revision: reader.revision, record: wireRecordOrNull(record) };
      }
      case 'range':
        return this.range(request);
      case 'history':
        return {
          revision: reader.revision,
          versions: reader
            .history(keyOfText(request.key))
            .map((version) => ({ revision: version.revision, record: wireRecordOrNull(version.record) })),
        };
      case 'leaseList':
        return { leases: [...reader.leases()].map(({ leaseId: id, ttlMs }) => ({ id, ttlMs })) };
      case 'lockInspect':
        return this.locks.inspect(request.space, request.name);
      case 'lockList':
        return { locks: this.locks.list(request.space, request.prefix ?? '') };
    }
  }

  /** @throws WireError COMPACTED, FUTURE_REVISION */
  recordAt(key: string, atRevision: number | undefined): KeyRecord | null {
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

  private range(request: RangeRequest): RangeResult {
    const asked = request.limit ?? 0;
    const limit = asked === 0 ? MAX_RANGE_RECORDS : Math.min(asked, MAX_RANGE_RECORDS);
    const found = this.reader.range({
      range: rangeOfWire(request.range),
      limit,
      revision: request.revision === undefined ? null : revision(request.revision),
      keysOnly: request.keysOnly === true,
    });
    if ('code' in found) throw new WireError(errorBodyOfRefusal(found));
    const fitting = recordsThatFit(found.records);
    return {
      revision: this.reader.revision,
      records: fitting.map(wireRecord),
      count: found.count,
      more: found.more || fitting.length < found.records.length,
    };
  }
}

/** At least one, so that whoever pages on always gets further. */
function recordsThatFit(records: readonly KeyRecord[]): readonly KeyRecord[] {
  let byteCount = 0;
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index];
    byteCount += RECORD_OVERHEAD_BYTES + (record?.key.length ?? 0) + (record?.value.byteLength ?? 0);
    if (byteCount > MAX_RANGE_BYTES && index > 0) return records.slice(0, index);
  }
  return records;
}
