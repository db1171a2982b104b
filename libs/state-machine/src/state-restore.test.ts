import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptStateRows } from './corrupt-state-rows.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { StateMachine } from './state-machine.js';
import { arbitraryBatch } from './test-support/arbitrary-batch.js';
import { compact, del, enter, grant, lease, put, revoke, txn } from './test-support/commands.js';
import { everythingReadable } from './test-support/everything-readable.js';
import { restored, rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const PROPERTY_RUNS = 100;

function machineWithHistory(): TestMachine {
  const machine = new TestMachine();
  machine.run(grant(1), grant(2), grant(3), grant(4), grant(5), revoke(3), revoke(4), revoke(5));
  machine.run(put('old', '1'), put('old', '2'), put('old', '3'), put('gone', ''), compact(4));
  machine.run(del('gone'), put('a', '1', { leaseId: lease(1) }), enter('x', 1), enter('x', 2));
  machine.run(txn([], [put('c', ''), put('b', ''), del('a')]), put('b', '2'));
  machine.session(
    1,
    2,
    new Map([
      [3, put('d', '')],
      [4, put('e', '')],
    ]),
  );
  machine.withKey('k1', put('f', ''));
  machine.withKey('k2', put('f', ''));
  return machine;
}

const MACHINE = machineWithHistory();
const ROWS = rowsOf(MACHINE.state);
const POSITION = { index: MACHINE.state.lastApplied, term: MACHINE.term };
/** Revisions of the history above. */
const AT = { createdGone: 5, deletedGone: 6, lock1: 8, lock2: 9, transaction: 10, lastB: 11 };

const isVersion = (row: StateRow, revision: number, key?: string): boolean =>
  row.key[0] === SECTIONS.versions &&
  row.key[8] === revision &&
  (key === undefined || String.fromCharCode(...row.key.slice(9)) === key);
const inSection = (section: number) => (row: StateRow) => row.key[0] === section;

type Damage = (rows: StateRow[]) => readonly StateRow[];
const without =
  (matches: (row: StateRow) => boolean): Damage =>
  (rows) => {
    const index = rows.findIndex(matches);
    if (index < 0) throw new Error('nothing to leave out');
    return rows.toSpliced(index, 1);
  };
const changed =
  (matches: (row: StateRow) => boolean, change: (row: StateRow) => StateRow): Damage =>
  (rows) => {
    const index = rows.findIndex(matches);
    const row = rows[index];
    if (row === undefined) throw new Error('nothing to change');
    return rows.with(index, change(row));
  };
const withValue =
  (change: (value: Uint8Array) => Uint8Array) =>
  (row: StateRow): StateRow => ({
    key: row.key,
    value: change(row.value),
  });
const byteSet = (index: number, byte: number) => withValue((value) => value.with(index, byte));
const cut = withValue((value) => value.slice(0, -1));
const longer = withValue((value) => Uint8Array.of(...value, 0));
const added =
  (row: StateRow, before?: (row: StateRow) => boolean): Damage =>
  (rows) =>
    rows.toSpliced(before === undefined ? rows.length : rows.findIndex(before), 0, row);
const meta = inSection(SECTIONS.meta);
const first = (section: number) => inSection(section);

const DAMAGES: readonly (readonly [string, Damage, string])[] = [
  ['there are none', () => [], 'no rows'],
  ['the meta row is missing', without(meta), 'first row is not the meta row'],
  ['a newer program wrote them', changed(meta, byteSet(0, 2)), 'format 2'],
  ['the meta row is cut', changed(meta, cut), 'too early'],
  ['the meta row has a longer key', changed(meta, ({ value }) => ({ key: Uint8Array.of(1, 0), value })), 'too long'],
  ['compaction is ahead of the revision', changed(meta, byteSet(32, 200)), 'compacted 200'],
  ['the revision is zero', changed(meta, (row) => byteSet(24, 0)(byteSet(32, 0)(row))), 'revision 0'],
  ['a number is above 2^53', changed(meta, byteSet(1, 255)), 'above 2^53'],
  ['a section is unknown', added({ key: Uint8Array.of(8), value: new Uint8Array(0) }), 'unknown section 8'],
  ['a key is empty', added({ key: new Uint8Array(0), value: new Uint8Array(0) }, meta), 'out of order'],
  [
    'one comes twice',
    (rows) => rows.flatMap((row) => (isVersion(row, AT.lock1) ? [row, row] : [row])),
    'one of them twice',
  ],
  ['they are out of order', (rows) => [...rows.slice(0, 1), ...rows.slice(1).reverse()], 'out of order'],
  ['a value has bytes too many', changed(first(SECTIONS.leases), longer), 'too early'],
  [
    'a lease has bytes too many',
    changed(
      first(SECTIONS.leases),
      withValue((value) => Uint8Array.of(...value, ...value, 0)),
    ),
    'too many',
  ],
  [
    'a lease id is none',
    changed(first(SECTIONS.leases), ({ key, value }) => ({ key: key.slice().fill(0, 1), value })),
    'not a lease id',
  ],
  ['a lease is missing that has a key', without(inSection(SECTIONS.leases)), 'no lease'],
  [
    'an ended lease is missing',
    without((row) => row.key[0] === SECTIONS.endedLeases && row.key[8] === 1),
    'ended lease 2, not 1',
  ],
  ['an ended lease lives', changed(first(SECTIONS.endedLeases), byteSet(7, 1)), 'lives, or ended twice'],
  [
    'a session has no lease',
    changed(first(SECTIONS.sessions), ({ key, value }) => ({ key: key.with(8, 9), value })),
    'no lease',
  ],
  ['a session acknowledged nothing', changed(first(SECTIONS.sessions), byteSet(7, 0)), 'acknowledged nothing'],
  ['an outcome was acknowledged', changed(first(SECTIONS.sessions), byteSet(7, 3)), 'has acknowledged 3'],
  ['an outcome is cut', changed(first(SECTIONS.sessionOutcomes), cut), 'another length'],
  ['an outcome is of another type', changed(first(SECTIONS.sessionOutcomes), byteSet(1, 99)), 'unknown number: 99'],
  [
    'an idempotency key is there twice',
    (rows) => {
      const [one, two] = rows.filter(inSection(SECTIONS.idempotencyKeys));
      if (one === undefined || two === undefined) throw new Error('made with two');
      return [...rows.slice(0, -1), { key: two.key, value: one.value }];
    },
    'there twice',
  ],
  ['a whole revision is missing', without((row) => isVersion(row, AT.lock2)), 'revision 9 is missing'],
  ['the last revision is missing', without((row) => isVersion(row, MACHINE.state.revision)), 'is missing'],
  ['a creation is missing', without((row) => isVersion(row, AT.createdGone)), 'is missing'],
  ['a part of a revision is missing', without((row) => isVersion(row, AT.transaction, 'c')), 'not whole'],
  ['a position is wrong', changed((row) => isVersion(row, AT.lock1), byteSet(4, 1)), 'not whole'],
  ['a version has unknown flags', changed((row) => isVersion(row, AT.lock1), byteSet(0, 2)), 'unknown flags'],
  [
    'a version is cut',
    changed(
      (row) => isVersion(row, AT.lock1),
      withValue((value) => value.slice(0, 36)),
    ),
    '36 bytes',
  ],
  ['a deletion has a value', changed((row) => isVersion(row, AT.deletedGone), longer), '14 bytes'],
  [
    'a version has no key',
    added({ key: Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 2), value: new Uint8Array(40) }, inSection(4)),
    '0 bytes',
  ],
  [
    'a version is of revision 1',
    changed(
      (row) => row.key[0] === SECTIONS.versions,
      ({ key, value }) => ({ key: key.with(8, 1), value }),
    ),
    'revision 1 of',
  ],
  ['a version counts wrong', changed((row) => isVersion(row, AT.lastB, 'b'), byteSet(28, 9)), 'does not follow'],
  [
    'a version was created at another time',
    changed((row) => isVersion(row, AT.lastB, 'b'), byteSet(20, 3)),
    'does not follow',
  ],
  [
    'the first version of a key is none',
    changed((row) => isVersion(row, AT.lock1), byteSet(28, 2)),
    'before it is missing',
  ],
  [
    'the oldest version of a key contradicts itself',
    changed((row) => isVersion(row, 4), byteSet(28, 1)),
    'version 1 of',
  ],
  [
    'a key is attached to a lease that does not live',
    changed((row) => isVersion(row, AT.lock1), byteSet(36, 7)),
    'does not live',
  ],
  ['they are followed by more', added({ key: Uint8Array.of(9, 9), value: new Uint8Array(0) }), 'unknown section 9'],
];

describe('restore', () => {
  it('gives a machine that reads like the one whose rows they are', () => {
    expect(everythingReadable(restored(ROWS, POSITION))).toEqual(everythingReadable(MACHINE.state));
  });

  it('of an empty machine gives an empty one', () => {
    const empty = new StateMachine();
    const machine = restored(rowsOf(empty), { index: 0, term: 0 });
    expect(everythingReadable(machine)).toEqual(everythingReadable(new StateMachine()));
  });

  it('takes the rows of any state there can be, also those only strange clients bring about', () => {
    fc.assert(
      fc.property(fc.array(arbitraryBatch, { maxLength: 12 }), (batches) => {
        const machine = new TestMachine();
        for (const { origin, commands } of batches) machine.apply(origin, commands);
        const rows = rowsOf(machine.state);
        const second = restored(rows, { index: batches.length, term: batches.length > 0 ? machine.term : 0 });
        expect(everythingReadable(second)).toEqual(everythingReadable(machine.state));
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('leaves the state as it is until it is finished, and is the same object after', () => {
    const machine = new TestMachine();
    machine.run(put('mine', ''));
    const before = everythingReadable(machine.state);
    const restore = machine.state.beginRestore();
    restore.add(ROWS);
    expect(everythingReadable(machine.state)).toEqual(before);
    machine.run(put('mine', 'again'));
    restore.finish(POSITION);
    expect(everythingReadable(machine.state)).toEqual(everythingReadable(MACHINE.state));
    expect(machine.state.lastApplied).toBe(POSITION.index);
  });

  it('keeps nothing of the arrays that the rows came in', () => {
    const rows = ROWS.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }));
    const machine = new StateMachine();
    const restore = machine.beginRestore();
    for (const row of rows) {
      restore.add([row]);
      row.key.fill(255);
      row.value.fill(255);
    }
    restore.finish(POSITION);
    expect(everythingReadable(machine)).toEqual(everythingReadable(MACHINE.state));
  });
});

describe('rows that are not those of a state', () => {
  it.each(DAMAGES)('are refused when %s, and the state stays', (_name, damage, reason) => {
    const machine = new TestMachine();
    machine.run(put('mine', ''));
    const before = everythingReadable(machine.state);
    const restore = machine.state.beginRestore();
    const attempt = () => {
      restore.add(damage([...ROWS]));
      restore.finish(POSITION);
    };
    expect(attempt).toThrow(CorruptStateRows);
    const again = machine.state.beginRestore();
    expect(() => {
      again.add(damage([...ROWS]));
      again.finish(POSITION);
    }).toThrow(reason);
    expect(everythingReadable(machine.state)).toEqual(before);
    expect(() => restore.add([])).toThrow('after the end');
    expect(() => restore.finish(POSITION)).toThrow('ends once');
  });

  it.each([
    ['index', { index: POSITION.index + 1, term: POSITION.term }],
    ['term', { index: POSITION.index, term: POSITION.term + 1 }],
  ])('are refused when they are of another %s', (_name, position) => {
    expect(() => restored(ROWS, position)).toThrow(CorruptStateRows);
  });

  it('are refused when two keys of one queue were created in one revision', () => {
    const machine = new TestMachine();
    const places = [1, 2].map((number) => `locks/x/${lease(number)}`);
    machine.run(
      grant(1),
      grant(2),
      txn(
        [],
        places.map((name) => put(name, '')),
      ),
    );
    const rows = rowsOf(machine.state).map((row) => {
      const number = isVersion(row, 2, places[0]) ? 1 : 2;
      return row.key[0] === SECTIONS.versions ? byteSet(36, number)(row) : row;
    });
    expect(() => restored(rows, { index: 1, term: 1 })).toThrow('two keys of one queue');
  });

  it('are refused as such or taken, but bring nothing down, whichever byte of them differs', () => {
    fc.assert(
      fc.property(fc.nat(ROWS.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (at, anywhere, change) => {
        const { key, value } = ROWS[at] ?? { key: new Uint8Array(0), value: new Uint8Array(0) };
        const bytes = Uint8Array.of(...key, ...value);
        const index = anywhere % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ change;
        const damaged = { key: bytes.slice(0, key.length), value: bytes.slice(key.length) };
        try {
          expect(restored(ROWS.with(at, damaged), POSITION).lastApplied).toBe(POSITION.index);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptStateRows);
        }
      }),
      { numRuns: PROPERTY_RUNS * 10 },
    );
  });
});
