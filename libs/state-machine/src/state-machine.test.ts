import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCommandBatch } from './command-batch-codec.js';
import type { Command } from './commands.js';
import { key } from './ids.js';
import { StateMachine } from './state-machine.js';
import { arbitraryBatch } from './test-support/arbitrary-batch.js';
import { lockHistories } from './test-support/arbitrary-history.js';
import { bytes, enter, grant, lease, put, txn } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

const PROPERTY_RUNS = 150;
const META = { index: 1, term: 1, proposedAtMs: 0 };

const hashAfter = (commands: readonly Command[]): string => {
  const machine = new TestMachine();
  for (const command of commands) machine.run(command);
  return machine.state.stateHash;
};

describe('state hash of a machine', () => {
  it('is equal after the same entries, and another one as soon as one more is applied', () => {
    fc.assert(
      fc.property(lockHistories, (commands) => {
        const hash = hashAfter(commands);
        expect(hashAfter(commands)).toBe(hash);
        expect(hashAfter(commands.slice(0, -1))).not.toBe(hash);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it.each<[string, Command[], Command[]]>([
    ['a value', [put('a', '1')], [put('a', '2')]],
    ['a lease of a key', [grant(1), put('a', '1')], [grant(1), put('a', '1', { leaseId: lease(1) })]],
    ['a TTL', [grant(1, 1_000)], [grant(1, 2_000)]],
    ['an order', [put('a', '1'), put('b', '1')], [put('b', '1'), put('a', '1')]],
    [
      'a compaction',
      [put('a', '1'), { type: 'compact', revision: 2 } as Command],
      [put('a', '1'), put('a', '1', { expected: 9 })],
    ],
  ])('tells %s apart', (_name, left, right) => {
    expect(hashAfter(left)).not.toBe(hashAfter(right));
  });

  it('tells apart what is remembered for exactly-once', () => {
    const stories: ((machine: TestMachine) => unknown)[] = [
      (machine) => machine.run(put('a', '')),
      (machine) => machine.session(1, 0, new Map([[1, put('a', '')]])),
      (machine) => machine.session(1, 0, new Map([[2, put('a', '')]])),
      (machine) => machine.session(1, 1, new Map([[2, put('a', '')]])),
      (machine) => machine.session(1, 0, new Map([[1, put('a', '', { expected: 5 })]])),
      (machine) => machine.session(1, 0, new Map([[1, put('a', '', { keepValue: true })]])),
      (machine) => machine.withKey('r1', put('a', '')),
      (machine) => machine.withKey('r2', put('a', '')),
    ];
    const hashes = stories.map((tell) => {
      const machine = new TestMachine();
      machine.run(grant(1));
      tell(machine);
      return machine.state.stateHash;
    });
    expect(new Set(hashes).size).toBe(stories.length);
  });

  it('counts entries without a command too', () => {
    const machine = new StateMachine();
    const before = machine.stateHash;
    machine.advance(1, 1);
    expect(machine.stateHash).not.toBe(before);
    expect(machine.lastApplied).toBe(1);
  });
});

describe('apply', () => {
  it('answers bytes that are no batch with the one outcome MALFORMED, and goes on', () => {
    const machine = new StateMachine();
    expect(machine.apply({ ...META, command: bytes('not a batch') })).toEqual({
      outcomes: [{ type: 'refused', code: 'MALFORMED', revisionDetail: null }],
      revisions: [],
      grants: [],
      leaseChanges: [],
    });
    const command = encodeCommandBatch({ origin: { type: 'none' }, commands: [put('a', '')] });
    expect(machine.apply({ ...META, index: 2, command }).outcomes).toMatchObject([{ type: 'put' }]);
  });

  it('never throws for anything that can be encoded, and answers every command', () => {
    fc.assert(
      fc.property(fc.array(arbitraryBatch, { maxLength: 4 }), (batches) => {
        const machine = new TestMachine();
        for (const { origin, commands } of batches) {
          const { outcomes } = machine.apply(origin, commands);
          if (origin.type !== 'idempotencyKey') expect(outcomes).toHaveLength(commands.length);
        }
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('takes an entry out of order for a bug', () => {
    const machine = new StateMachine();
    machine.advance(1, 1);
    expect(() => machine.advance(1, 1)).toThrow('entry 1 applied after 1');
    expect(() => machine.apply({ ...META, index: 3, command: bytes('') })).toThrow('entry 3 applied after 1');
  });

  it('hands out records that later writes do not change', () => {
    const machine = new TestMachine();
    machine.run(put('a', 'old'));
    const record = machine.state.get(key('a'));
    machine.run(txn([], [put('a', 'new')]), grant(1), enter('x', 1));
    expect(record).toMatchObject({ value: bytes('old'), version: 1 });
  });
});
