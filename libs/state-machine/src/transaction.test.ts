import { describe, expect, it } from 'vitest';
import type { Comparison, Operation, TransactionOperation } from './commands.js';
import { key } from './ids.js';
import { prefixRange, singleKey } from './key-range.js';
import { MAX_TRANSACTION_DEPTH, MAX_TRANSACTION_OPERATIONS } from './limits.js';
import { bytes, del, delPrefix, enter, grant, lease, put, readPrefix, txn } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

const compareKey = (name: string, rest: Partial<Comparison>): Comparison =>
  ({ range: singleKey(key(name)), result: 'equal', target: 'version', operand: 0, ...rest }) as Comparison;
const absent = (name: string): Comparison => compareKey(name, {});

const times = (count: number, make: (index: number) => Operation): Operation[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('transaction', () => {
  it('writes everything under one revision, or runs the other branch', () => {
    const machine = new TestMachine();
    const create = txn([absent('a')], [put('a', '1'), put('b', '1')], [readPrefix('')]);
    const { outcomes, revisions } = machine.run(create, create);
    expect(outcomes).toMatchObject([
      { type: 'transaction', revision: 2, succeeded: true, responses: [{ type: 'put', revision: 2 }, { type: 'put' }] },
      { type: 'transaction', revision: 2, succeeded: false, responses: [{ type: 'range', count: 2, revision: 2 }] },
    ]);
    expect(revisions).toMatchObject([{ revision: 2, events: [{ record: { key: 'a' } }, { record: { key: 'b' } }] }]);
  });

  it('that reads or deletes nothing leaves the revision as it is', () => {
    const machine = new TestMachine();
    expect(machine.run(txn([], [readPrefix(''), del('a')]))).toMatchObject({
      outcomes: [{ type: 'transaction', revision: 1, succeeded: true }],
      revisions: [],
    });
  });

  it('sees its own earlier writes, each read at the revision that it stands at', () => {
    const machine = new TestMachine();
    machine.run(put('a/1', ''));
    const outcome = machine.do(
      txn([], [readPrefix('a/'), delPrefix('a/'), readPrefix('a/'), put('b', ''), readPrefix('b')]),
    );
    expect(outcome).toMatchObject({
      responses: [
        { type: 'range', count: 1, revision: 2 },
        { type: 'deleted', deletedCount: 1, previous: [{ key: 'a/1' }] },
        { type: 'range', count: 0, revision: 3 },
        { type: 'put', revision: 3 },
        { type: 'range', count: 1 },
      ],
    });
  });

  it('decides nested comparisons on the state before any write', () => {
    const machine = new TestMachine();
    const inner = txn([absent('a')], [put('saw', 'no a')], [put('saw', 'a')]);
    expect(machine.do(txn([], [put('a', '1'), inner]))).toMatchObject({
      responses: [{ type: 'put' }, { succeeded: true }],
    });
    expect(machine.do(txn([], [put('a', '2'), inner]))).toMatchObject({
      responses: [{ type: 'put' }, { succeeded: false }],
    });
  });

  it('does nothing at all when one of its operations is refused, however deep', () => {
    const machine = new TestMachine();
    machine.run(put('old', '1'));
    const before = machine.state.get(key('old'));
    const refusedInside = (operation: Operation) => machine.do(txn([], [put('old', '2'), txn([], [operation])]));
    expect(refusedInside(put('a', '', { leaseId: lease(9) }))).toMatchObject({ code: 'LEASE_NOT_FOUND' });
    expect(refusedInside(put('a', '', { keepValue: true }))).toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(refusedInside(del('a', { expected: 3 }))).toMatchObject({ code: 'REVISION_MISMATCH', revisionDetail: 0 });
    expect(machine.state.get(key('old'))).toBe(before);
    expect(machine.state.revision).toBe(2);
  });

  it('is not refused for an operation of the branch that does not run', () => {
    const machine = new TestMachine();
    expect(machine.do(txn([absent('a')], [], [put('a', '', { leaseId: lease(9) })]))).toMatchObject({
      succeeded: true,
    });
  });
});

describe('transaction that writes one key twice, as etcd refuses it', () => {
  const putA = put('a', '');
  it.each([
    ['put twice', txn([], [putA, putA])],
    ['put and deleted', txn([], [putA, delPrefix('')])],
    ['deleted and put', txn([], [del('a'), putA])],
    ['in the branch that does not run', txn([], [], [putA, putA])],
    ['put beside a nested put', txn([], [txn([], [putA]), putA])],
    ['put in two nested transactions', txn([], [txn([], [putA]), txn([], [], [putA])])],
    ['put in one nested transaction and deleted in the next', txn([], [txn([], [putA]), txn([], [del('a')])])],
    ['twice inside a nested one', txn([], [txn([], [putA, putA])])],
  ])('%s', (_name, transaction) => {
    const machine = new TestMachine();
    expect(machine.do(transaction)).toMatchObject({ code: 'DUPLICATE_KEY' });
    expect(machine.state.revision).toBe(1);
  });

  it('allows it in two branches of which only one runs, and deleting twice', () => {
    const machine = new TestMachine();
    expect(machine.do(txn([absent('a')], [putA], [putA]))).toMatchObject({ succeeded: true });
    expect(machine.do(txn([], [txn([absent('a')], [putA], [del('a')])]))).toMatchObject({ type: 'transaction' });
    expect(machine.do(txn([], [del('a'), delPrefix('')]))).toMatchObject({ type: 'transaction' });
  });

  it('counts two places in one queue as such: they would have the same fencing token', () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2));
    const places = [1, 2].map((number) => put(`locks/x/${number}`, '', { leaseId: lease(number) }));
    expect(machine.do(txn([], places))).toMatchObject({ code: 'DUPLICATE_KEY' });
    const elsewhere = put('locks/y/2', '', { leaseId: lease(2) });
    expect(machine.run(txn([], [...places.slice(0, 1), elsewhere])).grants).toHaveLength(2);
    expect(machine.run(enter('x', 2)).outcomes).toMatchObject([{ type: 'queued', position: 1 }]);
  });
});

describe('size of a transaction', () => {
  const nest = (depth: number): TransactionOperation => (depth === 1 ? txn([], []) : txn([], [nest(depth - 1)]));
  const reads = (count: number): Operation[] => times(count, () => readPrefix('a'));

  it.each([
    ['as many operations as are allowed', txn([], reads(MAX_TRANSACTION_OPERATIONS)), 'transaction'],
    ['one operation too many', txn([], reads(MAX_TRANSACTION_OPERATIONS + 1)), 'refused'],
    [
      'one comparison too many',
      txn(
        times(129, () => del('a')).map(() => absent('a')),
        [],
      ),
      'refused',
    ],
    [
      'more in a nested one than the outer one leaves',
      txn([], [txn([], reads(MAX_TRANSACTION_OPERATIONS))]),
      'refused',
    ],
    ['as deep as is allowed', nest(MAX_TRANSACTION_DEPTH), 'transaction'],
    ['one level too deep', nest(MAX_TRANSACTION_DEPTH + 1), 'refused'],
    [
      'a tree too wide and too deep together',
      txn(
        [],
        times(40, () => txn([], reads(40))),
      ),
      'refused',
    ],
  ])('%s', (_name, transaction, type) => {
    const outcome = new TestMachine().do(transaction);
    expect(outcome).toMatchObject(type === 'refused' ? { type, code: 'TOO_MANY' } : { type });
  });
});

describe('comparison, as in etcd', () => {
  const machine = new TestMachine();
  machine.run(grant(5), put('a', '10'), put('a', '9', { leaseId: lease(5) }), put('b', 'x'));
  const holds = (comparison: Comparison): boolean => {
    const outcome = machine.do(txn([comparison], []));
    return outcome.type === 'transaction' && outcome.succeeded;
  };

  it.each<[string, Partial<Comparison>, boolean]>([
    ['version', { target: 'version', operand: 2 }, true],
    ['version greater', { target: 'version', result: 'greater', operand: 1 }, true],
    ['version greater than itself', { target: 'version', result: 'greater', operand: 2 }, false],
    ['version above a negative number', { target: 'version', result: 'greater', operand: -1 }, true],
    ['createRevision less', { target: 'createRevision', result: 'less', operand: 3 }, true],
    ['modRevision not equal', { target: 'modRevision', result: 'notEqual', operand: 3 }, false],
    ['value', { target: 'value', operand: bytes('9') }, true],
    ['value by bytes, not by number', { target: 'value', result: 'greater', operand: bytes('10') }, true],
    ['value longer', { target: 'value', result: 'less', operand: bytes('9 ') }, true],
    ['lease', { target: 'lease', operand: lease(5) }, true],
    ['lease less', { target: 'lease', result: 'less', operand: lease(16) }, true],
    ['no lease', { target: 'lease', operand: null }, false],
  ])('of %s', (_name, comparison, expected) => {
    expect(holds(compareKey('a', comparison))).toBe(expected);
  });

  it('of a missing key compares zeros, but no value', () => {
    expect(holds(compareKey('none', { target: 'modRevision', operand: 0 }))).toBe(true);
    expect(holds(compareKey('none', { target: 'lease', operand: null }))).toBe(true);
    expect(holds(compareKey('none', { target: 'value', result: 'notEqual', operand: bytes('x') }))).toBe(false);
  });

  it('over a range must hold for every key in it', () => {
    const all = { range: prefixRange('') };
    expect(holds(compareKey('a', { ...all, target: 'version', result: 'greater', operand: 0 }))).toBe(true);
    expect(holds(compareKey('a', { ...all, target: 'version', result: 'equal', operand: 1 }))).toBe(false);
    expect(holds(compareKey('a', { range: prefixRange('none/'), target: 'version', operand: 0 }))).toBe(true);
  });
});
