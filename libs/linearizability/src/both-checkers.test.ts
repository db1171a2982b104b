import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkByRevision } from './check-by-revision.js';
import type { Operation } from './history.js';
import { checkRegistersBySearch } from './register-model.js';
import { areRegistersLinearizable } from './test-support/brute-force.js';
import { execute, faultyRuns, steps, type Fault } from './test-support/executed-history.js';
import { put, read, refused, remove, unanswered } from './test-support/history-builders.js';

const SEED = 20_261_121;
/** So few that all their orders can be tried. */
const TINY = 6;
const TINY_RUNS = 4_000;
const LONG = 60;
const LONG_RUNS = 300;
/** Of either verdict at least so many, or the comparison shows nothing. */
const EITHER_VERDICT_MIN = 300;
const BAD_OF_EACH_FAULT_MIN = 20;

describe('both checkers on executions of a store that works', () => {
  it('accept what really happened, however the operations overlap and whatever answers are lost', () => {
    fc.assert(
      fc.property(steps(1, LONG), (program) => {
        const history = execute(program, { type: 'none' });
        expect(checkByRevision(history)).toEqual([]);
        expect(checkRegistersBySearch(history.operations).findings).toEqual([]);
      }),
      { seed: SEED, numRuns: LONG_RUNS },
    );
  });
});

describe('both checkers on executions of a store with one fault, against all orders tried', () => {
  it('reject those that no order explains; the search rejects no other', () => {
    const rejected = new Map<Fault['type'], number>();
    fc.assert(
      fc.property(faultyRuns(TINY - 1, TINY), ({ program, fault }) => {
        const history = execute(program, fault);
        const isGood = areRegistersLinearizable(history.operations);
        expect(checkRegistersBySearch(history.operations).verdict).toBe(isGood ? 'linearizable' : 'violation');
        if (isGood) return;
        expect(checkByRevision(history)).not.toEqual([]);
        rejected.set(fault.type, (rejected.get(fault.type) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: TINY_RUNS },
    );
    for (const fault of ['lostWrite', 'repeatedWrite', 'staleRead', 'swappedReads', 'shifted'] as const) {
      expect(rejected.get(fault) ?? 0, fault).toBeGreaterThan(BAD_OF_EACH_FAULT_MIN);
    }
  });

  it('never disagree so that the search rejects what the check by revision accepts, in long histories', () => {
    let rejected = 0;
    fc.assert(
      fc.property(faultyRuns(LONG / 2, LONG), ({ program, fault }) => {
        const history = execute(program, fault);
        const { verdict } = checkRegistersBySearch(history.operations);
        if (verdict !== 'violation') return;
        rejected += 1;
        expect(checkByRevision(history)).not.toEqual([]);
      }),
      { seed: SEED, numRuns: LONG_RUNS },
    );
    expect(rejected).toBeGreaterThan(LONG_RUNS / 10);
  });
});

describe('the search on anything at all, against all orders tried', () => {
  const values = fc.constantFrom('1', '2', null);
  const intervals = fc.tuple(fc.nat(9), fc.nat(6)).map(([atMs, forMs]) => [atMs, atMs + forMs] as const);
  const writes = fc
    .tuple(values, intervals, fc.constantFrom('k', 'k', 'k', 'l'))
    .map(([value, interval, key]) =>
      value === null ? remove(interval, 0, { key }) : put(value, interval, 0, { key }),
    );
  const operations: fc.Arbitrary<Operation> = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(values, intervals).map(([value, interval]) => read(value, interval, 0)) },
    { weight: 3, arbitrary: writes },
    { weight: 2, arbitrary: writes.map(unanswered) },
    { weight: 1, arbitrary: writes.map(refused) },
  );

  it('agrees with the definition, also where values are written more than once', () => {
    const seen = { linearizable: 0, violation: 0 };
    fc.assert(
      fc.property(fc.array(operations, { minLength: 1, maxLength: TINY, size: 'max' }), (history) => {
        const truth = areRegistersLinearizable(history) ? 'linearizable' : 'violation';
        seen[truth] += 1;
        expect(checkRegistersBySearch(history).verdict).toBe(truth);
      }),
      { seed: SEED, numRuns: TINY_RUNS },
    );
    expect(Math.min(seen.linearizable, seen.violation)).toBeGreaterThan(EITHER_VERDICT_MIN);
  });
});
