import { describe, expect, it } from 'vitest';
import type { ResultRow } from './comparison-results.js';
import { describeGoal, goalOutcomes, type Goal } from './goals.js';
import { spreadOf } from './spread.js';

const ROW: ResultRow = {
  workload: 'put',
  quantity: 'p50Ms',
  bySystem: new Map([
    ['latchkey', spreadOf([2])],
    ['etcd', spreadOf([6])],
  ]),
};
const goal = (rest: { against: 'etcd' | 'nats'; advantage: number } | { atMost: number }): Goal => ({
  workload: 'put',
  quantity: 'p50Ms',
  ...rest,
});

describe('goals', () => {
  it('are reached by the advantage over a peer, or by a value of its own', () => {
    const outcomes = goalOutcomes(
      [ROW],
      [goal({ against: 'etcd', advantage: 3 }), goal({ against: 'etcd', advantage: 3.1 }), goal({ atMost: 2 })],
    );
    expect(outcomes.map(({ reached }) => reached)).toEqual([true, false, true]);
  });

  it('have no outcome where the workload or the peer was not measured', () => {
    expect(goalOutcomes([ROW], [goal({ against: 'nats', advantage: 1 })])).toEqual([]);
    expect(goalOutcomes([], [goal({ atMost: 2 })])).toEqual([]);
  });

  it('say what was measured and what was wanted', () => {
    const outcomes = goalOutcomes([ROW], [goal({ against: 'etcd', advantage: 4 }), goal({ atMost: 1 })]);
    expect(outcomes.map(describeGoal)).toEqual([
      'put, p50: 3.00 times as good as etcd, goal 4.00',
      'put, p50: 2.00 ms, goal at most 1',
    ]);
  });
});
