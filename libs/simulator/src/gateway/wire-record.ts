import type { WireRecord } from '@latchkey/sdk-core';
import type { KeyRecord } from '@latchkey/state-machine';

export function wireRecord(record: KeyRecord): WireRecord {
  const { leaseId: lease, key, value, createRevision, modRevision, version, updatedAtMs } = record;
  return { key, value, createRevision, modRevision, version, lease, updatedAtMs };
}
