import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptStateRows } from './corrupt-state-rows.js';
import { key, revision } from './ids.js';
import type { KeyRecord } from './key-record.js';
import { queueKey } from './queue-key.js';
import { Queues } from './queues.js';
import { lease } from './test-support/commands.js';

const SEED = 4_071;
const PROPERTY_RUNS = 100;
const NAMES = ['a', 'b', 'c'];
const MAX_MEMBERS = 40;
/** More than one step settles. */
const MANY_QUEUES = 5_000;

/** Everybody enters one of a few locks, and is created in a revision of its own. */
function recordsOf(names: readonly string[]): KeyRecord[] {
  return names.map((name, index) => {
    const leaseId = lease(index + 1);
    const created = revision(index + 2);
    return {
      key: key(queueKey({ space: 'locks', name, leaseId })),
      value: new Uint8Array(0),
      createRevision: created,
      modRevision: created,
      version: 1,
      leaseId,
      updatedAtMs: 0,
    };
  });
}

function enterAll(queues: Queues, records: readonly KeyRecord[]): void {
  for (const record of records) if (record.leaseId !== null) queues.enterRestored(record, record.leaseId);
}

const seen = (queues: Queues) =>
  queues.names('locks', '').map((name) => ({
    name,
    members: [...(queues.queue('locks', name)?.members() ?? [])].map(({ place, holding }) => [place.leaseId, holding]),
  }));

describe('queues that are restored', () => {
  it('are those that were entered one after the other, in whatever order their keys come', () => {
    const order = fc
      .array(fc.constantFrom(...NAMES), { maxLength: MAX_MEMBERS })
      .map(recordsOf)
      .chain((records) => fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length })));
    fc.assert(
      fc.property(order, ([records, shuffled]) => {
        const followed = new Queues();
        for (const record of records) followed.follow({ type: 'put', record, previous: null });
        followed.settle();
        const restored = new Queues();
        // A key may have been attached more than once.
        enterAll(restored, [...shuffled, ...shuffled]);
        while (restored.settleRestored().next().done !== true);
        expect(seen(restored)).toEqual(seen(followed));
        for (const each of records) {
          const leaving = {
            type: 'delete',
            key: each.key,
            modRevision: revision(MAX_MEMBERS + 2),
            previous: each,
          } as const;
          restored.follow(leaving);
          followed.follow(leaving);
          expect(restored.settle()).toEqual(followed.settle());
        }
        expect(seen(restored)).toEqual([]);
      }),
      { seed: SEED, numRuns: PROPERTY_RUNS },
    );
  });

  it('are put in order in several steps when there are many', () => {
    const queues = new Queues();
    const records = recordsOf(Array.from({ length: MANY_QUEUES }, (_, index) => `lock-${index}`));
    enterAll(queues, records);
    const steps = [...queues.settleRestored()].length;
    expect(steps).toBeGreaterThan(1);
    expect(queues.holder('locks', 'lock-4999')).toMatchObject({ holding: true, record: records.at(-1) });
    expect(queues.settle()).toEqual([]);
  });

  it('are refused when two keys of one queue were created in one revision', () => {
    const queues = new Queues();
    enterAll(
      queues,
      recordsOf(['a', 'a', 'a']).map((record) => ({ ...record, createRevision: revision(7) })),
    );
    expect(() => queues.settleRestored().next()).toThrow(CorruptStateRows);
  });
});
