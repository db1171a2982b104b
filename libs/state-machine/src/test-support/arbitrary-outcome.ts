import * as fc from 'fast-check';
import { key, leaseId, revision } from '../ids.js';
import type { KeyRecord } from '../key-record.js';
import { REFUSAL_CODES } from '../outcome-wire.js';
import type { OperationOutcome, Outcome, QueueHolder, RefusalCode } from '../outcomes.js';

const numbers = fc.oneof(fc.nat(300), fc.maxSafeNat());
const revisions = numbers.map(revision);
const orNone = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null });
const leases = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map((id) => leaseId(id.toString(16).padStart(16, '0')));
const keys = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((codes) => key(String.fromCharCode(...codes)));

const records: fc.Arbitrary<KeyRecord> = fc.record({
  key: keys,
  value: fc.uint8Array({ maxLength: 700, size: 'medium' }),
  createRevision: revisions,
  modRevision: revisions,
  version: numbers,
  leaseId: orNone(leases),
  updatedAtMs: numbers,
});
const lists = fc.array(records, { maxLength: 4 });
const holders: fc.Arbitrary<QueueHolder> = fc
  .tuple(records, leases)
  .map(([record, holder]) => ({ key: record.key, leaseId: holder, record }));

const kind = <Type extends string>(type: Type) => ({ type: fc.constant(type), revision: revisions });

const operations = fc.letrec<{ operation: OperationOutcome; transaction: OperationOutcome }>((tie) => ({
  operation: fc.oneof(
    { maxDepth: 3 },
    fc.record({ ...kind('put'), previous: orNone(records) }),
    fc.record({ ...kind('deleted'), deletedCount: numbers, previous: lists }),
    fc.record({ ...kind('range'), records: lists, count: numbers, more: fc.boolean() }),
    tie('transaction'),
  ),
  transaction: fc.record({
    ...kind('transaction'),
    succeeded: fc.boolean(),
    responses: fc.array(tie('operation'), { maxLength: 3 }),
  }),
}));

// `Object.keys` knows no key types; the table has every code.
const codes = Object.keys(REFUSAL_CODES) as RefusalCode[];

/** Any outcome of a command. */
export const arbitraryOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  operations.operation.filter((outcome) => outcome.type !== 'range'),
  fc.record({ ...kind('leaseGranted'), leaseId: leases, ttlMs: numbers }),
  fc.record({ ...kind('leaseEnded'), leaseId: leases, deletedCount: numbers }),
  fc.record({ ...kind('leaseUpdated'), changed: fc.boolean() }),
  fc.record({ ...kind('acquired'), fencingToken: revisions }),
  fc.record({ ...kind('queued'), createRevision: revisions, position: numbers }),
  fc.record({ ...kind('held'), holder: holders }),
  fc.record({ ...kind('queueLeft'), left: fc.boolean(), fencingToken: orNone(revisions) }),
  fc.record({ ...kind('evicted'), holder: orNone(holders) }),
  fc.record({ ...kind('compacted'), compactRevision: revisions }),
  fc.record({
    type: fc.constant('refused' as const),
    code: fc.constantFrom(...codes),
    revisionDetail: orNone(revisions),
  }),
);
