import { describe, expect, it } from 'vitest';
import { MAX_ENDED_LEASES, MAX_IDEMPOTENCY_KEYS, MAX_VALUE_BYTES } from './limits.js';
import { MAX_PART_BYTES } from './row-parts.js';
import { MAX_PAGE_BYTES, MAX_PAGE_ROWS } from './state-changes.js';
import type { StateChanges, StateRowChange } from './state-rows.js';
import { SECTIONS } from './state-rows.js';
import { compact, del, enter, grant, lease, put, readPrefix, revoke, txn } from './test-support/commands.js';
import { everythingReadable } from './test-support/everything-readable.js';
import { expectSame } from './test-support/expect-same.js';
import { restored, RowStore } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const MANY_KEYS = 2_000;
const VERSIONS = 1_500;
const SOME_KEYS = 750;
/** More than one entry frees. */
const ENTRIES_TO_SWEEP = 32;
/** Each makes an older version unreadable. More than one entry frees. */
const MANY_WRITES = 5_000;
const MOST_FREED_PER_ENTRY = 4_096;
/** Of one transaction. */
const MOST_PUTS = 100;
/** More than one entry sweeps. */
const TRANSACTIONS = 60;
const BIG_RECORDS = 5;

const META_ROWS = 1;
const rowsIn = (changes: StateChanges): StateRowChange[] => [...changes].flat();
const sizeOf = (row: StateRowChange): number => row.key.length + (row.value?.length ?? 0);
const ofSection = (changes: StateChanges, section: number): StateRowChange[] =>
  rowsIn(changes).filter(({ key }) => key[0] === section);
const tally = (rows: readonly StateRowChange[]) => ({
  written: rows.filter(({ value }) => value !== null).length,
  gone: rows.filter(({ value }) => value === null).length,
});

const machineWithKeys = (count: number): TestMachine => {
  const machine = new TestMachine();
  machine.run(grant(1), ...Array.from({ length: count }, (_, at) => put(`key/${at}`, 'value')));
  return machine;
};

describe('changes of the state', () => {
  it('come in pages that end in time, and come again with the same rows', () => {
    const machine = machineWithKeys(MANY_KEYS);
    machine.run(...Array.from({ length: BIG_RECORDS }, (_, at) => put(`big/${at}`, 'x'.repeat(MAX_VALUE_BYTES))));
    const changes = machine.state.takeChanges();
    const pages = [...changes];
    for (const page of pages) {
      expect(page.length).toBeLessThanOrEqual(MAX_PAGE_ROWS);
      const allButLast = page.slice(0, -1).reduce((sum, row) => sum + sizeOf(row), 0);
      expect(allButLast).toBeLessThan(MAX_PAGE_BYTES);
    }
    expect(pages.flat()).toHaveLength(META_ROWS + 1 + MANY_KEYS + BIG_RECORDS);
    expectSame([...changes], pages);
  });

  it('are as many as what was done since, not as what there is', () => {
    const machine = machineWithKeys(MANY_KEYS);
    machine.state.takeChanges();
    machine.run(put('key/7', 'new'), del('key/8'), put('another', ''));
    expect(tally(rowsIn(machine.state.takeChanges()))).toEqual({ written: META_ROWS + 3, gone: 0 });
    machine.run({ type: 'leaseRenew', leaseId: lease(1) });
    expect(tally(rowsIn(machine.state.takeChanges()))).toEqual({ written: META_ROWS, gone: 0 });
  });

  it('say nothing of what came and went in between', () => {
    const machine = machineWithKeys(1);
    machine.state.takeChanges();
    machine.run(...Array.from({ length: VERSIONS }, () => put('key/0', 'again')), grant(2));
    machine.session(2, 0, new Map([[1, put('b', '')]]));
    machine.session(2, 1, new Map());
    machine.run(del('b'), revoke(2));
    machine.run(compact(machine.state.revision));
    for (let entry = 0; entry < ENTRIES_TO_SWEEP; entry += 1) machine.run();
    const rows = rowsIn(machine.state.takeChanges());
    // The last version of the key and the id of the lease that ended; the row of the key's first version goes.
    expect(tally(rows)).toEqual({ written: META_ROWS + 1 + 1, gone: 1 });
    expect(rows.filter(({ value }) => value === null).map(({ key }) => key.slice(0, 9))).toEqual([
      Uint8Array.of(SECTIONS.versions, 0, 0, 0, 0, 0, 0, 0, 2),
    ]);
  });

  it('delete rows as the sweep frees their versions, so a checkpoint in its middle reads like one at its end', () => {
    const machine = machineWithKeys(SOME_KEYS);
    machine.run(...Array.from({ length: VERSIONS }, (_, at) => put(`key/${at % SOME_KEYS}`, 'again')));
    const store = new RowStore().save(machine.state.takeChanges());
    const allRows = store.rows.length;
    machine.run(compact(machine.state.revision - 1));
    const inTheMiddle = machine.state.takeChanges();
    const { gone } = tally(rowsIn(inTheMiddle));
    // All of the versions before the last of each key can go, but the one that was written last.
    const atTheEnd = allRows - VERSIONS + 1;
    expect(gone).toBeGreaterThan(0);
    expect(store.save(inTheMiddle).rows.length).toBeGreaterThan(atTheEnd);
    const second = new TestMachine();
    store.restoreInto(second.state, { index: machine.state.lastApplied, term: 1 });
    for (let entry = 0; entry < ENTRIES_TO_SWEEP; entry += 1) {
      expect(everythingReadable(second.state)).toEqual(everythingReadable(machine.state));
      machine.run();
      second.run();
    }
    store.save(second.state.takeChanges());
    expect(store.rows).toHaveLength(atTheEnd);
  });

  it('delete a bounded number of rows with one entry, however much it wrote, and the others with the next ones', () => {
    const machine = machineWithKeys(MANY_WRITES);
    machine.state.takeChanges();
    const again = Array.from({ length: MANY_WRITES }, (_, at) => put(`key/${at}`, 'again'));
    machine.run(...again, compact(1 + 2 * MANY_WRITES));
    const atOnce = tally(rowsIn(machine.state.takeChanges())).gone;
    expect(atOnce).toBe(MOST_FREED_PER_ENTRY);
    machine.run();
    expect(tally(rowsIn(machine.state.takeChanges())).gone).toBe(MANY_WRITES - atOnce);
  });

  it('come in the order of their keys, in whatever order a revision wrote them', () => {
    const machine = new TestMachine();
    const backwards = (from: number, count: number) =>
      txn(
        [],
        Array.from({ length: count }, (_, at) => put(`key/${String(from + count - at).padStart(5, '0')}`, 'value')),
      );
    for (let number = 0; number < TRANSACTIONS; number += 1) machine.run(backwards(number * MOST_PUTS, MOST_PUTS));
    const compacted = compact(machine.state.revision - 2);
    // Some were swept when the changes are taken, up to the middle of a revision; some only compacted; some neither.
    machine.run(compacted);
    const keys = ofSection(machine.state.takeChanges(), SECTIONS.versions).map(({ key }) => Buffer.from(key));
    expect(keys).toHaveLength(TRANSACTIONS * MOST_PUTS);
    expect(keys).toEqual(keys.toSorted((left, right) => Buffer.compare(left, right)));
  });

  it('forget the ended leases and idempotency keys that the state forgets', () => {
    const machine = new TestMachine();
    const extra = 3;
    machine.run(grant(1), revoke(1), grant(2), revoke(2));
    machine.withKey('first', put('a', ''));
    const store = new RowStore().save(machine.state.takeChanges());
    for (let number = 3; number <= MAX_ENDED_LEASES + extra; number += 1) machine.run(grant(number), revoke(number));
    for (let number = 1; number < MAX_IDEMPOTENCY_KEYS + extra; number += 1) machine.withKey(`k${number}`, del('none'));
    const changes = machine.state.takeChanges();
    expect(tally(ofSection(changes, SECTIONS.endedLeases))).toEqual({ written: MAX_ENDED_LEASES, gone: 2 });
    expect(tally(ofSection(changes, SECTIONS.idempotencyKeys))).toEqual({ written: MAX_IDEMPOTENCY_KEYS, gone: 1 });
    const second = new TestMachine();
    store.save(changes).restoreInto(second.state, { index: machine.state.lastApplied, term: 1 });
    for (const each of [machine, second]) {
      expect(each.do(grant(extra))).toMatchObject({ type: 'leaseGranted' });
      expect(each.do(grant(extra + 1))).toMatchObject({ code: 'LEASE_EXISTS' });
      expect(each.withKey('k2', put('other', ''))).toMatchObject({ type: 'put' });
      expect(each.withKey('k9', put('other', ''))).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
      each.run(revoke(extra));
      expect(each.do(grant(extra + 1))).toMatchObject({ type: 'leaseGranted' });
    }
    expect(second.state.stateHash).toBe(machine.state.stateHash);
    expect(rowsIn(second.state.takeChanges())).toEqual(rowsIn(machine.state.takeChanges()));
  });

  it('cut an answer that holds much into rows of bounded size, which all go when it is acknowledged', () => {
    const machine = machineWithKeys(1);
    machine.run(...Array.from({ length: BIG_RECORDS }, (_, at) => put(`big/${at}`, 'x'.repeat(MAX_VALUE_BYTES))));
    const store = new RowStore().save(machine.state.takeChanges());
    const [outcome] = machine.session(1, 0, new Map([[1, txn([], [readPrefix('big/')])]]));
    machine.run(del('big/0'), compact(machine.state.revision + 1));
    const changes = machine.state.takeChanges();
    const parts = ofSection(changes, SECTIONS.sessionOutcomes);
    expect(parts).toHaveLength(Math.ceil((BIG_RECORDS * MAX_VALUE_BYTES) / MAX_PART_BYTES) + 1);
    expect(Math.max(...parts.map(sizeOf))).toBeLessThanOrEqual(MAX_PART_BYTES + 19);
    const second = new TestMachine();
    store.save(changes).restoreInto(second.state, { index: machine.state.lastApplied, term: 1 });
    const repeated = second.session(1, 0, new Map([[1, put('a', '')]]));
    expectSame(repeated, [outcome]);
    second.session(1, 1, new Map());
    const after = second.state.takeChanges();
    expect(tally(ofSection(after, SECTIONS.sessionOutcomes))).toEqual({ written: 0, gone: parts.length });
  });

  it('keep the order of queues, by creation and not by the last write, and who holds', () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2), grant(3), enter('x', 3), enter('x', 1), enter('x', 2));
    machine.run(put(`locks/x/${lease(3)}`, 'renamed', { keepLease: true }));
    machine.run(compact(machine.state.revision));
    const rows = new RowStore().save(machine.state.takeChanges()).rows;
    const second = restored(rows, { index: machine.state.lastApplied, term: 1 });
    expect(second.queue('locks', 'x').map(({ leaseId, holding }) => [leaseId, holding])).toEqual([
      [lease(3), true],
      [lease(1), false],
      [lease(2), false],
    ]);
  });
});
