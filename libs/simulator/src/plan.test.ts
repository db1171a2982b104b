import { describe, expect, it } from 'vitest';
import { FAULT_CLASSES, planFor } from './plan.js';

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

describe('the plan of a run', () => {
  it('turns each class on in about half of all runs', () => {
    const plans = SEEDS.map((seed) => planFor({ seed, profile: 'stores' }));
    for (const name of FAULT_CLASSES) {
      const share = plans.filter(({ faults }) => faults[name] !== undefined).length / plans.length;
      expect(share, name).toBeGreaterThan(0.4);
      expect(share, name).toBeLessThan(0.6);
    }
  });

  it('keeps everything else when a class is left out', () => {
    for (const seed of SEEDS) {
      const { faults, without: _without, ...rest } = planFor({ seed, without: ['drop'] });
      const { faults: all, without: _nothing, ...same } = planFor({ seed });
      const { drop: _drop, ...others } = all;
      expect(faults).toEqual(others);
      expect(rest).toEqual(same);
    }
  });
});
