import { describe, expect, it } from 'vitest';
import type { SystemName } from '../../peers/system.js';
import type { ResultRow } from '../comparison-results.js';
import { spreadOf } from '../spread.js';
import { resultSummary } from './result-summary.js';

const rowOf = (...values: readonly (readonly [SystemName, number])[]): ResultRow => ({
  workload: 'put, 512 in flight',
  quantity: 'perSecond',
  bySystem: new Map(values.map(([name, value]) => [name, spreadOf([value])])),
});

describe('summary of a comparison', () => {
  it('says plainly where Latchkey is behind, and which goals it misses', () => {
    const summary = resultSummary([rowOf(['latchkey', 9_000], ['nats', 10_000])], []);
    expect(summary).toContain('put, 512 in flight, per second: 9,000 /s; nats 10,000 (1.11 times better)');
    expect(summary).toContain('Goals reached: 0 of 1 measured.');
    expect(summary).toContain('0.90 times as good as nats, goal 3.50');
  });

  it('claims to be ahead only of what was measured', () => {
    expect(resultSummary([rowOf(['latchkey', 9_000], ['nats', 1_000])], [])).toContain('Latchkey is behind nowhere.');
    expect(resultSummary([rowOf(['nats', 1_000])], [])).toContain('Latchkey was not compared with anything.');
  });

  it('names what could not be measured', () => {
    const summary = resultSummary([], [{ system: 'etcd', workload: 'watch', message: 'no answer' }]);
    expect(summary).toContain('Not measured:\n  - etcd, watch: no answer');
  });
});
