import { ReplicaError } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { CHECKPOINT_INTERVAL_MS, PeriodicCheckpoints } from './periodic-checkpoints.js';

const ALONE = { number: 0, of: 1 };

function world(checkpoint: () => Promise<never>, place = ALONE) {
  const clock = new ManualClock();
  let askedCount = 0;
  const ask = (): Promise<never> => {
    askedCount += 1;
    return checkpoint();
  };
  const checkpoints = new PeriodicCheckpoints({ clock, replica: { checkpoint: ask }, place });
  checkpoints.start();
  return { clock, checkpoints, askedCount: () => askedCount };
}

describe('checkpoints by time', () => {
  it('are asked for again after each interval, also when one could not be had', async () => {
    const refused = (): Promise<never> => Promise.reject(new ReplicaError('OVERLOADED', 'safe', 'too slow'));
    const { clock, askedCount } = world(refused);
    await clock.advance(CHECKPOINT_INTERVAL_MS - 1);
    expect(askedCount()).toBe(0);
    await clock.advance(1 + 2 * CHECKPOINT_INTERVAL_MS);
    expect(askedCount()).toBe(3);
  });

  it('are asked for by the nodes of a cluster in turns, by each after an interval at the latest', async () => {
    const refused = (): Promise<never> => Promise.reject(new ReplicaError('OVERLOADED', 'safe', 'too slow'));
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

  it('end with the node', async () => {
    const { clock, checkpoints, askedCount } = world(() => new Promise<never>(() => undefined));
    checkpoints.stop();
    checkpoints.start();
    await clock.advance(5 * CHECKPOINT_INTERVAL_MS);
    expect(askedCount()).toBe(0);
  });
});
