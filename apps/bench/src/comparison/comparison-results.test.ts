import { describe, expect, it } from 'vitest';
import { ComparisonResults } from './comparison-results.js';

describe('results of a comparison', () => {
  it('puts what several runs and systems say about the same thing into one row', () => {
    const results = new ComparisonResults();
    results.add('latchkey', [{ workload: 'put', quantity: 'perSecond', value: 100 }]);
    results.add('etcd', [{ workload: 'put', quantity: 'perSecond', value: 10 }]);
    results.add('latchkey', [{ workload: 'put', quantity: 'perSecond', value: 300 }]);
    const [row] = results.rows();
    expect(row?.bySystem.get('latchkey')).toEqual({ median: 100, min: 100, max: 300, values: [100, 300] });
    expect(row?.bySystem.get('etcd')?.values).toEqual([10]);
  });

  it('keeps quantities of one workload apart, in the order of their arrival', () => {
    const results = new ComparisonResults();
    results.add('latchkey', [
      { workload: 'put', quantity: 'p50Ms', value: 1 },
      { workload: 'get', quantity: 'p50Ms', value: 2 },
      { workload: 'put', quantity: 'p99Ms', value: 3 },
    ]);
    expect(results.rows().map(({ workload, quantity }) => `${workload} ${quantity}`)).toEqual([
      'put p50Ms',
      'get p50Ms',
      'put p99Ms',
    ]);
  });
});
