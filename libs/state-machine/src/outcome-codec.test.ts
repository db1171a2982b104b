import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCounter, ByteWriter } from './byte-sink.js';
import { ByteSource, MalformedCommandBatch } from './byte-source.js';
import { revision } from './ids.js';
import { MAX_TRANSACTION_DEPTH } from './limits.js';
import { decodeOutcome } from './outcome-decoder.js';
import { encodeOutcome } from './outcome-encoder.js';
import { OUTCOME_TYPES, REFUSAL_CODES } from './outcome-wire.js';
import type { OperationOutcome, Outcome, TransactionOutcome } from './outcomes.js';
import { arbitraryOutcome } from './test-support/arbitrary-outcome.js';

const PROPERTY_RUNS = 300;
const AT = revision(7);

function encoded(outcome: Outcome | OperationOutcome): Uint8Array {
  const counter = new ByteCounter();
  encodeOutcome(counter, outcome);
  const writer = new ByteWriter(counter.size);
  encodeOutcome(writer, outcome);
  return writer.finish();
}

const decoded = (bytes: Uint8Array): Outcome => decodeOutcome(new ByteSource(bytes));

function nested(depth: number): TransactionOutcome {
  const responses = depth === 1 ? [] : [nested(depth - 1)];
  return { type: 'transaction', revision: AT, succeeded: true, responses };
}

describe('outcome encoding', () => {
  it('reads back what it wrote, whatever the outcome', () => {
    fc.assert(
      fc.property(arbitraryOutcome, (outcome) => {
        const source = new ByteSource(encoded(outcome));
        expect(decodeOutcome(source)).toEqual(outcome);
        expect(source.remaining).toBe(0);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('takes no part of an outcome for one', () => {
    fc.assert(
      fc.property(arbitraryOutcome, fc.nat(), (outcome, cut) => {
        const bytes = encoded(outcome);
        expect(() => decoded(bytes.subarray(0, cut % bytes.length))).toThrow(MalformedCommandBatch);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('goes as deep as transactions may, and no deeper', () => {
    expect(decoded(encoded(nested(MAX_TRANSACTION_DEPTH + 1)))).toEqual(nested(MAX_TRANSACTION_DEPTH + 1));
    expect(() => decoded(encoded(nested(MAX_TRANSACTION_DEPTH + 2)))).toThrow('too deep');
  });

  it('refuses unknown numbers, a read as the outcome of a command, and a lease inside a transaction', () => {
    expect(() => decoded(Uint8Array.of(14))).toThrow('unknown number: 14');
    expect(() => decoded(Uint8Array.of(OUTCOME_TYPES.refused, 99))).toThrow('unknown number: 99');
    expect(() => decoded(Uint8Array.of(OUTCOME_TYPES.leaseUpdated, 1, 2))).toThrow('neither yes nor no');
    const read: OperationOutcome = { type: 'range', revision: AT, records: [], count: 0, more: false };
    expect(() => decoded(encoded(read))).toThrow('a read');
    const { transaction, leaseUpdated } = OUTCOME_TYPES;
    expect(() => decoded(Uint8Array.of(transaction, 1, 1, 1, leaseUpdated, 1, 1))).toThrow('inside a transaction');
  });

  it('gives every type and code a number of its own', () => {
    for (const numbers of [Object.values(OUTCOME_TYPES), Object.values(REFUSAL_CODES)]) {
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });
});
