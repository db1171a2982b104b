import { describe, expect, it } from 'vitest';
import { planFaults } from './fault.js';
import { SeededRandom } from './seeded-random.js';

const IDS = ['n1', 'n2', 'n3'];
const SEED = 4;
const ROUNDS = 30;
const plan = (seed: number) => planFaults(ROUNDS, IDS, new SeededRandom(seed));

describe('plan of kills', () => {
  it('is the same for the same seed, and another one for another', () => {
    expect(plan(SEED)).toEqual(plan(SEED));
    expect(plan(SEED)).not.toEqual(plan(SEED + 1));
  });

  it('kills a node, a database and everything within every three rounds, and every node in the long run', () => {
    const faults = plan(SEED);
    for (let at = 0; at < ROUNDS; at += 3) {
      expect(new Set(faults.slice(at, at + 3).map(({ kind }) => kind)).size).toBe(3);
    }
    expect(new Set(faults.flatMap((fault) => (fault.kind === 'node' ? [fault.id] : [])))).toEqual(new Set(IDS));
  });
});
