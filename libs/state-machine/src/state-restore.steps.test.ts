import { describe, expect, it } from 'vitest';
import { CorruptStateRows } from './corrupt-state-rows.js';
import { key } from './ids.js';
import { prefixRange } from './key-range.js';
import { StateMachine } from './state-machine.js';
import { del, enter, grant, put, text } from './test-support/commands.js';
import { expectSame } from './test-support/expect-same.js';
import { RowStore, rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const MANY_KEYS = 7_000;
const MANY_LOCKS = 5_000;
const COMMANDS_PER_ENTRY = 500;
/** Without a factor in common with the count: the keys come in no order. */
const STRIDE = 3_001;
/** What one step does at most, in keys or places in queues. */
const MOST_PER_STEP = 2_048;
const EVERY_KEY = { range: prefixRange(''), limit: 0, revision: null, keysOnly: false };

const positionOf = (machine: TestMachine) => ({ index: machine.state.lastApplied, term: machine.term });
const nameOf = (number: number): string => `key/${(number * STRIDE) % MANY_KEYS}`;

function machineWithMuch(): TestMachine {
  const machine = new TestMachine();
  machine.run(grant(1));
  const commands = Array.from({ length: MANY_KEYS }, (_, number) => put(nameOf(number), `value ${number}`));
  for (let from = 0; from < MANY_KEYS; from += COMMANDS_PER_ENTRY) {
    machine.run(...commands.slice(from, from + COMMANDS_PER_ENTRY));
  }
  const entering = Array.from({ length: MANY_LOCKS }, (_, number) => enter(`lock/${number}`, 1));
  for (let from = 0; from < MANY_LOCKS; from += COMMANDS_PER_ENTRY) {
    machine.run(...entering.slice(from, from + COMMANDS_PER_ENTRY));
  }
  machine.run(del(nameOf(1)), put(nameOf(2), 'again'));
  return machine;
}

const MUCH = machineWithMuch();
const ROWS = rowsOf(MUCH.state);
const POSITION = { index: MUCH.state.lastApplied, term: MUCH.term };

function expectMuch(machine: StateMachine): void {
  expect(machine.stateHash).toBe(MUCH.state.stateHash);
  expectSame(machine.range(EVERY_KEY), MUCH.state.range(EVERY_KEY));
  expect(machine.queueNames('locks', '')).toEqual(MUCH.state.queueNames('locks', ''));
  for (const name of ['lock/0', 'lock/4999']) {
    expectSame(machine.queue('locks', name), MUCH.state.queue('locks', name));
  }
}

const missing = (): never => {
  throw new Error('nobody stands in this queue');
};

describe('a restore of much', () => {
  it('is prepared step by step, and is the same as one that is finished at once', () => {
    const prepared = new StateMachine();
    const restore = prepared.beginRestore();
    restore.add(ROWS);
    let steps = 1;
    while (restore.prepare()) {
      steps += 1;
      expect(prepared.lastApplied).toBe(0);
    }
    // A lock is a key, is attached to its lease, and stands in a queue.
    expect(steps).toBeGreaterThan((MANY_KEYS + 2 * MANY_LOCKS) / MOST_PER_STEP);
    expect(restore.prepare()).toBe(false);
    restore.finish(POSITION);
    expectMuch(prepared);

    const atOnce = new StateMachine();
    new RowStore().save([ROWS]).restoreInto(atOnce, POSITION);
    expectMuch(atOnce);
    expect(rowsOf(atOnce)).toEqual(rowsOf(prepared));
  });

  it('takes no rows after its first step', () => {
    const restore = new StateMachine().beginRestore();
    restore.add(ROWS);
    restore.prepare();
    expect(() => restore.add([])).toThrow('rows after the last one');
  });

  it('is over when a step finds that something is missing', () => {
    const restore = new StateMachine().beginRestore();
    expect(() => restore.prepare()).toThrow(CorruptStateRows);
    expect(() => restore.prepare()).toThrow('after the end');
  });
});

describe('a restore beside another state', () => {
  it('shares the records that are the same in both, and no others', () => {
    const machine = new TestMachine();
    machine.run(put('same', 'old'), put('changed', 'old'), put('gone', 'old'));
    const store = new RowStore().save(machine.state.takeChanges());
    const present = store.restoreInto(new StateMachine(), positionOf(machine));
    const [same, changed] = [present.get(key('same')), present.get(key('changed'))];
    machine.run(put('changed', 'new'), del('gone'), put('fresh', 'new'));
    store.save(machine.state.takeChanges()).restoreInto(present, positionOf(machine));
    expect(present.stateHash).toBe(machine.state.stateHash);
    expect(present.get(key('same'))).toBe(same);
    expect(present.getAt(key('changed'), changed?.modRevision ?? missing())).toBe(changed);
    for (const name of ['changed', 'gone', 'fresh']) expectSame(present.get(key(name)), machine.state.get(key(name)));
  });

  it('takes nothing from one that went another way, though keys and revisions are the same', () => {
    const [right, wrong] = [new TestMachine(), new TestMachine()];
    right.run(put('a', 'right'), put('b', 'b'.repeat(MOST_PER_STEP)));
    wrong.run(put('a', 'wrong'), put('b', 'x'.repeat(MOST_PER_STEP)));
    new RowStore().save(right.state.takeChanges()).restoreInto(wrong.state, positionOf(right));
    expect(text(wrong.state.get(key('a'))?.value ?? missing())).toBe('right');
    expectSame(wrong.state.get(key('b')), right.state.get(key('b')));
  });
});
