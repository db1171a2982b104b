import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import { prefixRange } from './key-range.js';
import { compact, del, delPrefix, put, text } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';
import { withValue } from './test-support/warmed.js';

const A = key('a');
const CHURN_WRITES = 4_000;

const machineWith = (...commands: Parameters<TestMachine['run']>): TestMachine => {
  const machine = new TestMachine();
  machine.run(...commands);
  return machine;
};

describe('store revision', () => {
  it('is 1 when empty and grows by one for every command that writes, not for one that deletes nothing', () => {
    const machine = new TestMachine();
    expect(machine.state.revision).toBe(1);
    expect(machine.do(put('a', '1'))).toMatchObject({ type: 'put', revision: 2, previous: null });
    expect(machine.do(del('b'))).toMatchObject({ type: 'deleted', revision: 2, deletedCount: 0 });
    machine.run(put('b', '1'), put('c', '1'));
    expect(machine.state.revision).toBe(4);
  });

  it('grows once for a deletion of many keys, which is one event list for the watchers', () => {
    const machine = machineWith(put('x/1', ''), put('x/2', ''), put('y', ''));
    const { outcomes, revisions } = machine.run(delPrefix('x/'));
    expect(outcomes).toMatchObject([{ type: 'deleted', revision: 5, deletedCount: 2 }]);
    expect(revisions).toMatchObject([
      {
        revision: 5,
        events: [
          { type: 'delete', key: 'x/1', modRevision: 5 },
          { type: 'delete', key: 'x/2' },
        ],
      },
    ]);
  });
});

describe('versions of a key', () => {
  it('count up from 1, and from 1 again with a new createRevision after a deletion', () => {
    const machine = machineWith(put('a', '1'), put('a', '2'));
    expect(machine.state.get(A)).toMatchObject({ createRevision: 2, modRevision: 3, version: 2 });
    machine.run(del('a'), put('a', '3'));
    expect(machine.state.get(A)).toMatchObject({ createRevision: 5, modRevision: 5, version: 1 });
    expect(
      machine.state.history(A).map(({ revision, record }) => [revision, record && text(withValue(record).value)]),
    ).toEqual([
      [2, '1'],
      [3, '2'],
      [4, null],
      [5, '3'],
    ]);
  });

  it('can be read at any revision that is held, one by one and as a range', () => {
    const machine = machineWith(put('a', '1'), put('b', '1'), del('a'), put('a', '2'));
    const rangeAt = (at: number) =>
      machine.state.range({ range: prefixRange(''), limit: 1, revision: revision(at), keysOnly: true });
    expect(machine.state.getAt(A, revision(1))).toBeNull();
    expect(machine.state.getAt(A, revision(3))).toMatchObject({ modRevision: 2 });
    expect(machine.state.getAt(A, revision(4))).toBeNull();
    expect(rangeAt(3)).toMatchObject({ records: [{ key: 'a', value: new Uint8Array(0) }], count: 2, more: true });
    expect(rangeAt(4)).toMatchObject({ records: [{ key: 'b' }], count: 1, more: false });
    expect(rangeAt(6)).toMatchObject({ type: 'refused', code: 'FUTURE_REVISION', revisionDetail: 5 });
  });

  it('keep the older one readable that a put replaced, and answer with it when asked', () => {
    const machine = machineWith(put('a', '1'));
    expect(machine.do(put('a', '2', { wantPrevious: true }))).toMatchObject({ previous: { modRevision: 2 } });
    expect(machine.do({ ...del('a'), wantPrevious: true })).toMatchObject({ previous: [{ modRevision: 3 }] });
  });
});

describe('range, now', () => {
  const machine = machineWith(put('a', '1'), put('b', '1'), put('c', '1'), put('d', '1'));
  const first = (limit: number) =>
    machine.state.range({ range: { start: 'b', end: 'd' }, limit, revision: null, keysOnly: false });

  it('counts all keys of the range whatever the limit, and says when the limit cut it', () => {
    expect(first(1)).toMatchObject({ records: [{ key: 'b' }], count: 2, more: true });
    expect(first(2)).toMatchObject({ records: [{ key: 'b' }, { key: 'c' }], count: 2, more: false });
    expect(first(0)).toMatchObject({ count: 2, more: false });
  });
});

describe('compaction, FAILURE-MODES 47', () => {
  const story = () => machineWith(put('a', '1'), put('a', '2'), put('b', '1'), del('b'), put('a', '3'));

  it('keeps what is current at the compacted revision and refuses what is older', () => {
    const machine = story();
    expect(machine.do(compact(4))).toMatchObject({ type: 'compacted', compactRevision: 4, revision: 6 });
    expect(machine.state.getAt(A, revision(3))).toMatchObject({
      type: 'refused',
      code: 'COMPACTED',
      revisionDetail: 4,
    });
    expect(machine.state.getAt(A, revision(4))).toMatchObject({ modRevision: 3 });
    expect(machine.state.getAt(key('b'), revision(4))).toMatchObject({ modRevision: 4 });
    expect(machine.state.history(A).map((version) => version.revision)).toEqual([3, 6]);
  });

  it('leaves no trace of a key that was deleted at the compacted revision', () => {
    const machine = story();
    machine.run(compact(5));
    expect(machine.state.getAt(key('b'), revision(5))).toBeNull();
    expect(machine.state.history(key('b'))).toEqual([]);
  });

  it('forgets a deleted key wholly, so that it can come and go again', () => {
    const machine = story();
    machine.run(compact(5));
    machine.run();
    machine.run(put('b', '2'), del('b'));
    expect(machine.state.history(key('b')).map((version) => version.revision)).toEqual([7, 8]);
    expect(machine.state.getAt(key('b'), revision(7))).toMatchObject({ createRevision: 7, version: 1 });
  });

  it('refuses events from the compacted revision on down, and gives those above it with what was there before', () => {
    const machine = story();
    expect(machine.state.eventsFrom(revision(0), 10)).toHaveLength(5);
    machine.run(compact(4));
    expect(machine.state.eventsFrom(revision(4), 10)).toMatchObject({ code: 'COMPACTED', revisionDetail: 4 });
    expect(machine.state.eventsFrom(revision(5), 1)).toMatchObject([
      { revision: 5, events: [{ type: 'delete', key: 'b', previous: { modRevision: 4 } }] },
    ]);
    expect(machine.state.eventsFrom(revision(6), 10)).toMatchObject([
      { revision: 6, events: [{ type: 'put', record: { modRevision: 6 }, previous: { modRevision: 3 } }] },
    ]);
    expect(machine.state.eventsFrom(revision(7), 10)).toEqual([]);
  });

  it('is refused at or below the compacted revision and above the current one', () => {
    const machine = story();
    expect(machine.do(compact(7))).toMatchObject({ code: 'FUTURE_REVISION', revisionDetail: 6 });
    expect(machine.do(compact(0))).toMatchObject({ code: 'COMPACTED', revisionDetail: 0 });
    machine.run(compact(6));
    expect(machine.do(compact(6))).toMatchObject({ code: 'COMPACTED', revisionDetail: 6 });
  });

  it('reads the same before and after the memory is freed, which happens little by little', () => {
    const machine = new TestMachine();
    for (let write = 0; write < CHURN_WRITES; write += 1) {
      machine.run(write % 5 === 4 ? del(`k${write % 30}`) : put(`k${write % 30}`, String(write)));
    }
    const middle = revision(CHURN_WRITES / 2);
    const everything = { range: prefixRange(''), limit: 0, revision: middle, keysOnly: false };
    const before = machine.state.range(everything);
    const eventsBefore = machine.state.eventsFrom(revision(middle + 1), CHURN_WRITES);
    machine.run(compact(middle));
    const right = [machine.state.range(everything), machine.state.history(key('k7'))];
    for (let entry = 0; entry < CHURN_WRITES; entry += 1) machine.run(del('nothing'));
    expect([machine.state.range(everything), machine.state.history(key('k7'))]).toEqual(right);
    expect(right[0]).toEqual(before);
    expect(machine.state.eventsFrom(revision(middle + 1), CHURN_WRITES)).toEqual(eventsBefore);
  });
});
