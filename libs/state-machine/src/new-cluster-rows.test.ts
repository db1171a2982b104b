import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import { prefixRange } from './key-range.js';
import { MAX_ENDED_LEASES } from './limits.js';
import { AttachedKeys, NewClusterRows } from './new-cluster-rows.js';
import { raiseRevisions, RESTORE_REVISION_STEP } from './raise-revisions.js';
import { decodeMeta } from './section-rows.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import type { StateMachine } from './state-machine.js';
import { live, lives } from './test-support/arbitrary-life.js';
import { LEASES } from './test-support/arbitrary-history.js';
import { del, enter, grant, lease, put, revoke, text } from './test-support/commands.js';
import { everythingReadable } from './test-support/everything-readable.js';
import { expectSame } from './test-support/expect-same.js';
import { rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const PROPERTY_RUNS = 60;
const STEPS_BEFORE = 40;
const STEPS_AFTER = 20;
const ALL = { range: prefixRange(''), limit: 0, keysOnly: false, revision: null };

/** What a restore writes, in pages as they come. */
function newRowsOf(rows: readonly StateRow[], pageRows = 3): StateRow[] {
  const [first] = rows;
  const raised = first === undefined ? null : raiseRevisions(decodeMeta(first));
  if (raised === null) throw new Error('no rows, or no room');
  const attached = new AttachedKeys();
  attached.note(rows);
  const next = new NewClusterRows(raised, attached);
  const pages: StateRow[] = [];
  for (let start = 0; start < rows.length; start += pageRows)
    pages.push(...next.take(rows.slice(start, start + pageRows)));
  return [...pages, ...next.finish()];
}

/** A machine that was restored from them, and that goes on. */
function newMachine(rows: readonly StateRow[]): TestMachine {
  const [first] = rows;
  if (first === undefined) throw new Error('no rows');
  const { position } = decodeMeta(first);
  const machine = new TestMachine();
  machine.term = position.term;
  const restore = machine.state.beginRestore();
  restore.add(rows);
  restore.finish(position);
  return machine;
}

function recordsOf(machine: StateMachine) {
  return machine.range(ALL).records;
}

describe('the state of a new cluster, made from the rows of an old one', () => {
  it('has every key that no lease held, as it was; everything else of the leases is gone', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), (steps) => {
        const old = new TestMachine();
        for (const step of steps) live(old, step);
        const { state } = newMachine(newRowsOf(rowsOf(old.state)));
        expectSame(
          recordsOf(state),
          recordsOf(old.state).filter(({ leaseId }) => leaseId === null),
        );
        expect([...state.leases()]).toEqual([]);
        expect([...state.queueNames('locks', '')]).toEqual([]);
        expect(state.revision).toBe(old.state.revision + RESTORE_REVISION_STEP);
        expect(state.stateHash).toBe(old.state.stateHash);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('is the same on every node, whatever comes afterwards', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), lives(STEPS_AFTER), (before, after) => {
        const old = new TestMachine();
        for (const step of before) live(old, step);
        const rows = rowsOf(old.state);
        const [one, two] = [newMachine(newRowsOf(rows)), newMachine(newRowsOf(rows, rows.length))];
        for (const step of after) expectSame(live(one, step), live(two, step));
        expectSame(everythingReadable(one.state), everythingReadable(two.state));
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('brings no key back that a lease has taken over from a time without one', () => {
    const old = new TestMachine();
    old.run(grant(1), put('a', 'free'), put('b', 'free'), put('a', 'held', { leaseId: lease(1) }));
    old.run(put('c', 'held', { leaseId: lease(1) }), put('c', 'free again'));
    const { state } = newMachine(newRowsOf(rowsOf(old.state)));
    expect(recordsOf(state).map(({ key: name, value }) => [name, text(value)])).toEqual([
      ['b', 'free'],
      ['c', 'free again'],
    ]);
  });

  it('gives every write a revision and every lock a token above those that the old cluster gave out since', () => {
    const old = new TestMachine();
    old.run(grant(1), grant(2), enter('x', 1), put('a', '1'));
    const rows = rowsOf(old.state);
    for (let count = 0; count < 10; count += 1) old.run(put('a', String(count)), enter('x', 2));
    const next = newMachine(newRowsOf(rows));
    next.run(grant(9), enter('x', 9));
    const entry = next.state.queueEntry('locks', 'x', lease(9));
    expect(entry?.record.createRevision).toBeGreaterThan(old.state.revision);
    next.run(put('a', 'new'));
    expect(next.state.get(key('a'))?.modRevision).toBe(next.state.revision);
  });

  it('answers for the revisions of the old cluster, also for its later ones, that they are compacted', () => {
    const old = new TestMachine();
    old.run(put('a', '1'), put('a', '2'), del('a'));
    const backedUp = rowsOf(old.state);
    old.run(put('a', '3'));
    const { state } = newMachine(newRowsOf(backedUp));
    for (const at of [2, 3, old.state.revision]) {
      expect(state.getAt(key('a'), revision(at))).toMatchObject({ code: 'COMPACTED' });
    }
    expect(state.eventsFrom(old.state.revision, 10)).toMatchObject({ code: 'COMPACTED' });
  });

  it('lets no lease of the old cluster be granted again', () => {
    const old = new TestMachine();
    old.run(...LEASES.map((number) => grant(number)), grant(7), grant(8), revoke(8), revoke(7));
    const next = newMachine(newRowsOf(rowsOf(old.state)));
    for (const number of [...LEASES, 7, 8]) {
      expect(next.do(grant(number))).toMatchObject({ code: 'LEASE_EXISTS' });
      expect(next.do({ type: 'leaseRenew', leaseId: lease(number) })).toMatchObject({ code: 'LEASE_NOT_FOUND' });
    }
  });

  it('remembers no more ended leases than a state does: the last ones, by the numbers that they have', () => {
    const old = new TestMachine();
    const count = MAX_ENDED_LEASES + 5;
    old.run(grant(1), grant(2), revoke(1), revoke(2));
    old.run(...Array.from({ length: count }, (_, at) => grant(at + 3)));
    const rows = newRowsOf(rowsOf(old.state));
    const ended = rows.filter((row) => row.key[0] === SECTIONS.endedLeases);
    expect(ended).toHaveLength(MAX_ENDED_LEASES);
    expect(ended.at(-1)?.value).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x40, 7));
    expect(newMachine(rows).do(grant(count))).toMatchObject({ code: 'LEASE_EXISTS' });
  });

  it('keeps what was answered under an idempotency key, so that a repeated request is not done twice', () => {
    const old = new TestMachine();
    const first = old.withKey('k1', put('a', '1'));
    const next = newMachine(newRowsOf(rowsOf(old.state)));
    expect(next.withKey('k1', put('a', '1'))).toEqual(first);
    expect(next.state.get(key('a'))?.version).toBe(1);
  });
});
