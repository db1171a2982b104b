import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ALWAYS_HOT_BYTES } from './history-cooling.js';
import { key } from './ids.js';
import { KEYS } from './test-support/arbitrary-history.js';
import { live, lives, type LifeStep } from './test-support/arbitrary-life.js';
import { answersOf, everythingReadable } from './test-support/everything-readable.js';
import { expectSame, withPlainRecords } from './test-support/expect-same.js';
import { RowStore } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';
import { warmed } from './test-support/warmed.js';

const SEED = 9_104;
const PROPERTY_RUNS = 60;
const STEPS_BEFORE = 40;
const STEPS_AFTER = 20;
/** Entries after which nothing is left of what compaction has made unreadable, in these tests. */
const ENTRIES_TO_SWEEP = 50;
const MAX_BULK_KEYS = 9;
/** From every value that is not needed to about all of a long life. */
const hotHistoryLimits = fc.constantFrom(0, 500, 5_000, 50_000);

/** A node with its checkpoints: each `take` is saved at once. */
class Node {
  readonly machine: TestMachine;
  readonly store = new RowStore();

  constructor(maxHotHistoryBytes: number) {
    this.machine = new TestMachine({ maxHotHistoryBytes });
  }

  take(): void {
    this.store.save(this.machine.state.takeChanges());
    this.machine.state.changesSaved(this.machine.state.lastApplied);
  }

  /** What all its readers answer, those of cold records after a look into the rows. */
  everythingReadable() {
    const { readable, coldCount } = warmed(answersOf(this.machine.state), this.store);
    return { readable: withPlainRecords(readable), coldCount };
  }
}

/** Counted one by one, when nothing is left that compaction has made unreadable. */
function hotBytesIn({ machine }: Node): number {
  for (let entry = 0; entry < ENTRIES_TO_SWEEP; entry += 1) machine.run();
  const names = [...KEYS, ...Array.from({ length: MAX_BULK_KEYS }, (_, at) => `bulk/${at}`)];
  let byteCount = 0;
  for (const name of names) {
    for (const { record } of machine.state.history(key(name)).slice(0, -1)) {
      if (record === null || record.value === null) continue;
      byteCount += record.value.length > MAX_ALWAYS_HOT_BYTES ? record.value.length : 0;
    }
  }
  return byteCount;
}

/** The same life on both; the results of every entry must be the same. */
function liveBoth(node: Node, hot: TestMachine, steps: readonly LifeStep[]): void {
  for (const step of steps) {
    if (step.type === 'take') node.take();
    else expectSame(live(node.machine, step), live(hot, step));
  }
}

describe('a state of which old values are in the checkpoint only', () => {
  it('reads like one that has all of them in memory, also after a restart', () => {
    let coldCount = 0;
    fc.assert(
      fc.property(
        hotHistoryLimits,
        lives(STEPS_BEFORE),
        lives(STEPS_AFTER),
        (maxHotHistoryBytes, before, [, ...after]) => {
          const node = new Node(maxHotHistoryBytes);
          const hot = new TestMachine();
          liveBoth(node, hot, before);
          const seen = node.everythingReadable();
          expectSame(seen.readable, everythingReadable(hot.state));
          coldCount += seen.coldCount;

          node.take();
          const restarted = new Node(maxHotHistoryBytes);
          restarted.store.save([node.store.rows]);
          restarted.store.restoreInto(restarted.machine.state, {
            index: node.machine.state.lastApplied,
            term: node.machine.term,
          });
          const again = restarted.everythingReadable();
          expectSame(again.readable, everythingReadable(hot.state));
          coldCount += again.coldCount;

          liveBoth(restarted, hot, after);
          expectSame(restarted.everythingReadable().readable, everythingReadable(hot.state));
          const counted = hotBytesIn(restarted);
          expect(restarted.machine.state.hotHistoryBytes).toBe(counted);
        },
      ),
      { seed: SEED, numRuns: PROPERTY_RUNS },
    );
    expect(coldCount).toBeGreaterThan(2_000);
  });

  it('gives out the same rows as one that has all of them in memory', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), (steps) => {
        const node = new Node(0);
        const hot = new Node(Infinity);
        for (const step of steps) {
          if (step.type === 'take') {
            node.take();
            hot.take();
          } else expectSame(live(node.machine, step), live(hot.machine, step));
        }
        node.take();
        hot.take();
        expectSame(node.store.rows, hot.store.rows);
      }),
      { seed: SEED, numRuns: PROPERTY_RUNS },
    );
  });
});
