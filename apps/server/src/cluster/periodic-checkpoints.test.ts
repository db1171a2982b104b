import { ReplicaError } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import {
  BUSY_REVISIONS,
  CHECKPOINT_INTERVAL_MS,
  MAX_INTERVALS_PASSED,
  PeriodicCheckpoints,
} from './periodic-checkpoints.js';

const ALONE = { number: 0, of: 1 };

function world(checkpoint: () => Promise<never>, place = ALONE) {
  const clock = new ManualClock();
  const progress = { checkpointIndex: 0, revision: 0 };
  let askedCount = 0;
  const ask = (): Promise<never> => {
    askedCount += 1;
    return checkpoint();
  };
  const replica = { checkpoint: ask };
  const checkpoints = new PeriodicCheckpoints({ clock, replica, progress: () => ({ ...progress }), place });
  checkpoints.start();
  return { clock, checkpoints, progress, askedCount: () => askedCount };
}

const refused = (): Promise<never> => Promise.reject(new ReplicaError('OVERLOADED', 'safe', 'too slow'));

/** One interval after the other with so many new revisions in each: how often had been asked at the end of each. */
async function intervals({ clock, progress, askedCount }: ReturnType<typeof world>, newRevisions: readonly number[]) {
  const counts: number[] = [];
  for (const count of newRevisions) {
    progress.revision += count;
    await clock.advance(CHECKPOINT_INTERVAL_MS);
    counts.push(askedCount());
  }
  return counts;
}

describe('checkpoints by time', () => {
  it('are asked for again after each interval, also when one could not be had', async () => {
    const { clock, askedCount } = world(refused);
    await clock.advance(CHECKPOINT_INTERVAL_MS - 1);
    expect(askedCount()).toBe(0);
    await clock.advance(1 + 2 * CHECKPOINT_INTERVAL_MS);
    expect(askedCount()).toBe(3);
  });

  it('are asked for by the nodes of a cluster in turns, by each after an interval at the latest', async () => {
    const nodes = [0, 1, 2].map((number) => world(refused, { number, of: 3 }));
    const counts: number[][] = [];
    for (let third = 1; third <= 6; third += 1) {
      await Promise.all(nodes.map(({ clock }) => clock.advance(CHECKPOINT_INTERVAL_MS / 3)));
      counts.push(nodes.map(({ askedCount }) => askedCount()));
    }
    expect(counts).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 1],
      [2, 2, 2],
    ]);
  });

  it('are not asked for while one is under way', async () => {
    const { clock, askedCount } = world(() => new Promise<never>(() => undefined));
    await clock.advance(5 * CHECKPOINT_INTERVAL_MS);
    expect(askedCount()).toBe(1);
  });

  it('are let pass while much is written, but never more than two in a row', async () => {
    const node = world(refused);
    const counts = await intervals(
      node,
      Array.from({ length: 8 }, () => BUSY_REVISIONS + 1),
    );
    expect(MAX_INTERVALS_PASSED).toBe(2);
    expect(counts).toEqual([1, 1, 1, 2, 2, 2, 3, 3]);
  });

  it('are asked for in the first busy interval, however much was written: it puts the nodes at a distance', async () => {
    const node = world(refused);
    const [quiet, busy] = [BUSY_REVISIONS, 20 * BUSY_REVISIONS];
    expect(await intervals(node, [quiet, busy, busy, quiet, busy, busy])).toEqual([1, 2, 2, 3, 4, 4]);
  });

  it('are let pass anew after one that was due by its size', async () => {
    const node = world(refused);
    const busy = BUSY_REVISIONS + 1;
    expect(await intervals(node, [busy, busy, busy])).toEqual([1, 1, 1]);
    node.progress.checkpointIndex = 1;
    expect(await intervals(node, [busy, busy, busy])).toEqual([1, 1, 2]);
  });

  it('end with the node', async () => {
    const { clock, checkpoints, askedCount } = world(() => new Promise<never>(() => undefined));
    checkpoints.stop();
    checkpoints.start();
    await clock.advance(5 * CHECKPOINT_INTERVAL_MS);
    expect(askedCount()).toBe(0);
  });
});
