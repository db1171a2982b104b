import { beforeAll, describe, expect, it } from 'vitest';
import { inWords, judge, STORE_COMMAND } from './judgement.js';
import { measure, type Load, type Measurement } from './measurement.js';
import { PATH_NAMES } from './paths.js';
import { readStoredCosts } from './stored-costs.js';

/** Far above what it takes on a machine with two busy cores: nothing here is judged by how long it lasts. */
const MEASUREMENT_TIMEOUT_MS = 600_000;
const WATCHED = 'singlePuts';
const THRICE: Load = { path: WATCHED, runs: 3 };

const { costs: storedCosts, measuredWith } = readStoredCosts();
const storedOf = (path: string): number => storedCosts[path] ?? 0;

describe('what Latchkey’s own code costs, in runs of the reference loop', () => {
  const measuredCosts = new Map<string, number>();
  let costOfThrice = 0;

  beforeAll(async () => {
    const once = PATH_NAMES.map((path) => ({ path, runs: 1 }));
    for (const { path, runs, cost } of await measure([...once, THRICE], isNothingTooDear)) {
      if (runs === 1) measuredCosts.set(path, cost);
      else costOfThrice = cost;
    }
    const lines = [...measuredCosts].map(([path, measured]) => inWords(path, { stored: storedOf(path), measured }));
    lines.push(`${WATCHED}, three times the work: ${costOfThrice.toFixed(2)} reference loops`);
    console.log([`costs of ${measuredWith} are stored:`, ...lines].join('\n  '));
  }, MEASUREMENT_TIMEOUT_MS);

  it.each(PATH_NAMES)('is not much more than what is stored: %s', (path) => {
    const costs = { stored: storedOf(path), measured: measuredCosts.get(path) ?? 0 };
    expect(judge(costs), inWords(path, costs)).not.toBe('tooDear');
  });

  it('would be noticed if a path did its work three times', () => {
    const stored = measuredCosts.get(WATCHED) ?? 0;
    expect(judge({ stored, measured: costOfThrice })).toBe('tooDear');
  });

  it('is stored for these paths, and no others', () => {
    expect(Object.keys(storedCosts), STORE_COMMAND).toEqual(PATH_NAMES);
  });
});

/** A bad moment passes, a slower path stays: what seems too dear is measured longer. */
function isNothingTooDear(measurements: readonly Measurement[]): boolean {
  return measurements.every(
    ({ path, runs, cost }) => runs > 1 || judge({ stored: storedOf(path), measured: cost }) !== 'tooDear',
  );
}
