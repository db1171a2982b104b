import * as fc from 'fast-check';
import type { Command, CommandBatch, Comparison, Operation } from '../commands.js';
import { key, leaseId, revision } from '../ids.js';
import { singleKey, type KeyRange } from '../key-range.js';

const byteText = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength, maxLength }).map((codes) => String.fromCharCode(...codes));

const keys = byteText(1, 20).map(key);
const values = fc.uint8Array({ maxLength: 700, size: 'medium' });
const numbers = fc.oneof(fc.nat(300), fc.maxSafeNat());
const revisions = numbers.map(revision);
const leases = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map((id) => leaseId(id.toString(16).padStart(16, '0')));
const spaces = fc.constantFrom('locks' as const, 'elections' as const);
const names = byteText(1, 12);

const ranges: fc.Arbitrary<KeyRange> = fc.oneof(
  keys.map(singleKey),
  fc.record({ start: byteText(0, 6), end: fc.option(byteText(0, 6), { nil: null }) }),
);

const puts = fc.record({
  type: fc.constant('put' as const),
  key: keys,
  value: values,
  leaseId: fc.option(leases, { nil: null }),
  expectedModRevision: fc.option(revisions, { nil: null }),
  wantPrevious: fc.boolean(),
  keepValue: fc.boolean(),
  keepLease: fc.boolean(),
});

const deletes = fc.record({
  type: fc.constant('delete' as const),
  range: ranges,
  expectedModRevision: fc.option(revisions, { nil: null }),
  wantPrevious: fc.boolean(),
});

const reads = fc.record({ type: fc.constant('range' as const), range: ranges, limit: numbers, keysOnly: fc.boolean() });

const results = fc.constantFrom('equal' as const, 'notEqual' as const, 'greater' as const, 'less' as const);
const comparisons: fc.Arbitrary<Comparison> = fc.oneof(
  fc.record({
    range: ranges,
    result: results,
    target: fc.constantFrom('version' as const, 'createRevision' as const, 'modRevision' as const),
    operand: fc.maxSafeInteger().map((operand) => operand + 0),
  }),
  fc.record({ range: ranges, result: results, target: fc.constant('value' as const), operand: values }),
  fc.record({
    range: ranges,
    result: results,
    target: fc.constant('lease' as const),
    operand: fc.option(leases, { nil: null }),
  }),
);

const operations = fc.letrec<{ operation: Operation; transaction: Extract<Operation, { type: 'transaction' }> }>(
  (tie) => ({
    operation: fc.oneof({ maxDepth: 2 }, puts, deletes, reads, tie('transaction')),
    transaction: fc.record({
      type: fc.constant('transaction' as const),
      comparisons: fc.array(comparisons, { maxLength: 3 }),
      success: fc.array(tie('operation'), { maxLength: 3 }),
      failure: fc.array(tie('operation'), { maxLength: 3 }),
    }),
  }),
);

const commands: fc.Arbitrary<Command> = fc.oneof(
  puts,
  deletes,
  operations.transaction,
  fc.record({ type: fc.constant('leaseGrant' as const), leaseId: leases, ttlMs: numbers }),
  fc.record({ type: fc.constantFrom('leaseRevoke' as const, 'leaseRenew' as const), leaseId: leases }),
  fc.record({ type: fc.constant('leaseExpire' as const), leaseId: leases, lessorTerm: numbers }),
  fc.record({
    type: fc.constant('leaseCheckpoint' as const),
    leaseId: leases,
    remainingTtlMs: numbers,
    lessorTerm: numbers,
  }),
  fc.record({
    type: fc.constant('queueEnter' as const),
    space: spaces,
    name: names,
    leaseId: leases,
    wait: fc.boolean(),
    value: values,
  }),
  fc.record({
    type: fc.constant('queueLeave' as const),
    space: spaces,
    name: names,
    leaseId: leases,
    onlyIfWaiting: fc.boolean(),
  }),
  fc.record({ type: fc.constant('queueEvict' as const), space: spaces, name: names }),
  fc.record({ type: fc.constant('compact' as const), revision: revisions }),
);

const sessionBatches = fc
  .record({
    leaseId: leases,
    acknowledgedThrough: numbers,
    numbered: fc.array(fc.tuple(numbers, commands), { maxLength: 5 }),
  })
  .map(({ numbered, ...session }): CommandBatch => ({
    origin: { type: 'session', ...session, sequences: numbered.map(([sequence]) => sequence) },
    commands: numbered.map(([, command]) => command),
  }));

const otherBatches = fc.record({
  origin: fc.oneof(
    fc.constant({ type: 'none' as const }),
    byteText(1, 30).map((idempotencyKey) => ({ type: 'idempotencyKey' as const, idempotencyKey })),
  ),
  commands: fc.array(commands, { maxLength: 5 }),
});

/** Any batch that can be encoded. */
export const arbitraryBatch: fc.Arbitrary<CommandBatch> = fc.oneof(sessionBatches, otherBatches);
