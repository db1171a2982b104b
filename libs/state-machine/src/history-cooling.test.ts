import { describe, expect, it } from 'vitest';
import { MAX_ALWAYS_HOT_BYTES } from './history-cooling.js';
import { key, revision } from './ids.js';
import { bytes, compact, del, delPrefix, grant, put } from './test-support/commands.js';
import { RowStore } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const A = key('a');
const LONG = 'x'.repeat(MAX_ALWAYS_HOT_BYTES + 1);
const SHORT = 'x'.repeat(MAX_ALWAYS_HOT_BYTES);
const MANY_KEYS = 20_000;
/** What one entry frees of the memory of versions, of whatever kind. */
const MAX_STEP_VERSIONS = 4_096;
const ENTRIES_TO_COOL = 10;

/** Saves what has changed; then entries follow, with which values leave memory. */
function checkpoint(machine: TestMachine, store = new RowStore()): RowStore {
  store.save(machine.state.takeChanges());
  machine.state.changesSaved(machine.state.lastApplied);
  for (let entry = 0; entry < ENTRIES_TO_COOL; entry += 1) machine.run();
  return store;
}

/** By revision, whether the value of the version is in memory. */
function hotVersions(machine: TestMachine, name = A): readonly (readonly [number, boolean])[] {
  return machine.state.history(name).map(({ revision: at, record }) => [at, record?.value !== null] as const);
}

/** Of the events from a revision on, whether they have their values. */
function hotEvents(machine: TestMachine, from: number): readonly boolean[] {
  const found = machine.state.eventsFrom(revision(from), MANY_KEYS);
  if ('code' in found) throw new Error(found.code);
  return found.flatMap(({ events }) => events.map((event) => event.type === 'put' && event.record.value !== null));
}

describe('values of old versions', () => {
  it('leave memory once they are in a checkpoint that is saved, and not before', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(put('a', LONG));
    machine.run(put('a', LONG));
    machine.run(put('a', LONG));
    machine.state.takeChanges();
    for (let entry = 0; entry < ENTRIES_TO_COOL; entry += 1) machine.run();
    expect(hotVersions(machine)).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ]);
    checkpoint(machine);
    expect(hotVersions(machine)).toEqual([
      [2, false],
      [3, false],
      [4, true],
    ]);
    expect(hotEvents(machine, 2)).toEqual([false, false, true]);
    expect(machine.state.hotHistoryBytes).toBe(0);
  });

  it('stay when another checkpoint than the one that was saved has them', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(put('a', LONG));
    const savedAt = machine.state.lastApplied;
    machine.state.takeChanges();
    machine.run(put('a', LONG));
    machine.run(put('a', LONG));
    machine.state.takeChanges();
    machine.state.changesSaved(savedAt);
    for (let entry = 0; entry < ENTRIES_TO_COOL; entry += 1) machine.run();
    expect(hotVersions(machine)).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ]);
  });

  it('stay while whatever can be seen from the checkpoint on needs them', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(put('a', LONG));
    machine.run(put('b', LONG));
    checkpoint(machine);
    // What was current then is not old before the next checkpoint.
    machine.run(put('a', LONG));
    for (let entry = 0; entry < ENTRIES_TO_COOL; entry += 1) machine.run();
    expect(hotVersions(machine)).toEqual([
      [2, true],
      [4, true],
    ]);
    expect(machine.state.eventsFrom(revision(4), 1)).toMatchObject([
      { events: [{ previous: { value: bytes(LONG) } }] },
    ]);
    checkpoint(machine);
    expect(hotVersions(machine)).toEqual([
      [2, false],
      [4, true],
    ]);
    expect(hotVersions(machine, key('b'))).toEqual([[3, true]]);
  });

  it('stay, the newest of them, as far as there is room', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 2 * LONG.length });
    for (let count = 0; count < 5; count += 1) machine.run(put('a', LONG));
    checkpoint(machine);
    expect(hotVersions(machine)).toEqual([
      [2, false],
      [3, false],
      [4, true],
      [5, true],
      [6, true],
    ]);
    expect(machine.state.hotHistoryBytes).toBe(2 * LONG.length);
  });

  it('stay when they are short', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(put('a', SHORT));
    machine.run(put('a', LONG));
    machine.run(put('a', SHORT));
    checkpoint(machine);
    expect(hotVersions(machine)).toEqual([
      [2, true],
      [3, false],
      [4, true],
    ]);
  });

  it('stay in answers that were given and may be asked for again', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(grant(1), put('a', LONG));
    const overwrite = new Map([[1, put('a', LONG, { wantPrevious: true })]]);
    const [answer] = machine.session(1, 0, overwrite);
    checkpoint(machine);
    expect(hotVersions(machine)).toEqual([
      [2, false],
      [3, true],
    ]);
    expect(machine.session(1, 0, overwrite)).toEqual([answer]);
    expect(answer).toMatchObject({ previous: { value: bytes(LONG) } });
  });

  it('of deleted keys leave as others do, and a new key of that name has its own', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    machine.run(put('a', LONG));
    machine.run(del('a'));
    machine.run(put('a', LONG));
    checkpoint(machine);
    expect(machine.state.history(A).map(({ record }) => (record === null ? 'deleted' : record.value === null))).toEqual(
      [true, 'deleted', false],
    );
    expect(machine.state.get(A)?.value).toEqual(bytes(LONG));
  });

  it('leave little by little, also when one revision has made a great many of them old', () => {
    const machine = new TestMachine({ maxHotHistoryBytes: 0 });
    const names = Array.from({ length: MANY_KEYS }, (_, at) => `k/${at}`);
    for (let at = 0; at < names.length; at += 100)
      machine.run(...names.slice(at, at + 100).map((name) => put(name, LONG)));
    machine.run(delPrefix('k/'));
    machine.state.takeChanges();
    machine.state.changesSaved(machine.state.lastApplied);
    expect(machine.state.hotHistoryBytes).toBe(MANY_KEYS * LONG.length);
    let largestStep = 0;
    for (let entry = 0; entry < MANY_KEYS / 100; entry += 1) {
      const before = machine.state.hotHistoryBytes;
      machine.run();
      largestStep = Math.max(largestStep, before - machine.state.hotHistoryBytes);
    }
    expect(machine.state.hotHistoryBytes).toBe(0);
    expect(largestStep).toBeLessThanOrEqual(MAX_STEP_VERSIONS * LONG.length);
  });

  it('are not counted any more when compaction has freed them', () => {
    const machine = new TestMachine();
    for (let count = 0; count < 100; count += 1) machine.run(put('a', LONG), put('b', LONG));
    expect(machine.state.hotHistoryBytes).toBe(2 * 99 * LONG.length);
    machine.run(compact(machine.state.revision));
    for (let entry = 0; entry < ENTRIES_TO_COOL; entry += 1) machine.run();
    expect(machine.state.hotHistoryBytes).toBe(0);
  });

  it('are not read into memory again by a restart, but for those that there is room for', () => {
    const machine = new TestMachine();
    for (let count = 0; count < 10; count += 1) machine.run(put('a', LONG), put('b', LONG));
    const store = checkpoint(machine);
    store.save(machine.state.takeChanges());
    const restarted = new TestMachine({ maxHotHistoryBytes: 3 * LONG.length });
    store.restoreInto(restarted.state, { index: machine.state.lastApplied, term: machine.term });
    expect(restarted.state.hotHistoryBytes).toBe(3 * LONG.length);
    expect(hotVersions(restarted).filter(([, isHot]) => isHot)).toHaveLength(2);
    expect(hotVersions(restarted, key('b')).filter(([, isHot]) => isHot)).toHaveLength(3);
  });
});
