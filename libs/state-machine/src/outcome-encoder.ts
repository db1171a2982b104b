import type { ByteSink } from './byte-sink.js';
import type { Revision } from './ids.js';
import { assertNever } from './invariant.js';
import type { KeyRecord } from './key-record.js';
import { OUTCOME_TYPES, REFUSAL_CODES } from './outcome-wire.js';
import type { OperationOutcome, Outcome, QueueHolder } from './outcomes.js';

/**
 * Writes an outcome as it is remembered for exactly-once: its type, then its parts. The records in it are written in
 * full, since compaction may have dropped their versions.
 */
export function encodeOutcome(sink: ByteSink, outcome: Outcome | OperationOutcome): void {
  sink.byte(OUTCOME_TYPES[outcome.type]);
  if (outcome.type === 'refused') {
    sink.byte(REFUSAL_CODES[outcome.code]);
    return encodeRevisionOrNone(sink, outcome.revisionDetail);
  }
  sink.varint(outcome.revision);
  switch (outcome.type) {
    case 'put':
      return encodeRecordOrNone(sink, outcome.previous);
    case 'deleted':
      sink.varint(outcome.deletedCount);
      return encodeRecords(sink, outcome.previous);
    case 'range':
      encodeRecords(sink, outcome.records);
      sink.varint(outcome.count);
      return sink.byte(Number(outcome.more));
    case 'transaction':
      sink.byte(Number(outcome.succeeded));
      sink.varint(outcome.responses.length);
      for (const response of outcome.responses) encodeOutcome(sink, response);
      return;
    case 'leaseGranted':
      sink.leaseId(outcome.leaseId);
      return sink.varint(outcome.ttlMs);
    case 'leaseEnded':
      sink.leaseId(outcome.leaseId);
      return sink.varint(outcome.deletedCount);
    case 'leaseUpdated':
      return sink.byte(Number(outcome.changed));
    case 'acquired':
      return sink.varint(outcome.fencingToken);
    case 'queued':
      sink.varint(outcome.createRevision);
      return sink.varint(outcome.position);
    case 'held':
      return encodeHolder(sink, outcome.holder);
    case 'queueLeft':
      sink.byte(Number(outcome.left));
      return encodeRevisionOrNone(sink, outcome.fencingToken);
    case 'evicted':
      sink.byte(Number(outcome.holder !== null));
      if (outcome.holder !== null) encodeHolder(sink, outcome.holder);
      return;
    case 'compacted':
      return sink.varint(outcome.compactRevision);
    default:
      return assertNever(outcome);
  }
}

/** The holder's key is its record's. */
function encodeHolder(sink: ByteSink, holder: QueueHolder): void {
  sink.leaseId(holder.leaseId);
  encodeRecord(sink, holder.record);
}

function encodeRecords(sink: ByteSink, records: readonly KeyRecord[]): void {
  sink.varint(records.length);
  for (const record of records) encodeRecord(sink, record);
}

function encodeRecordOrNone(sink: ByteSink, record: KeyRecord | null): void {
  sink.byte(Number(record !== null));
  if (record !== null) encodeRecord(sink, record);
}

function encodeRecord(sink: ByteSink, record: KeyRecord): void {
  sink.text(record.key);
  sink.bytes(record.value);
  sink.varint(record.createRevision);
  sink.varint(record.modRevision);
  sink.varint(record.version);
  sink.byte(Number(record.leaseId !== null));
  if (record.leaseId !== null) sink.leaseId(record.leaseId);
  sink.varint(record.updatedAtMs);
}

function encodeRevisionOrNone(sink: ByteSink, revision: Revision | null): void {
  sink.byte(Number(revision !== null));
  if (revision !== null) sink.varint(revision);
}
