import { describe, expect, it } from 'vitest';
import { WORKLOAD_CHOICES, selectWorkloads } from './all-workloads.js';

const namesOf = (options: Parameters<typeof selectWorkloads>[0]) => [
  ...new Set(selectWorkloads(options).map(({ name }) => name)),
];

describe('choice of workloads', () => {
  it('has all of them in the full mode, and leaves the slow ones out of the quick one', () => {
    expect(namesOf({ only: null, quick: false })).toEqual(WORKLOAD_CHOICES);
    expect(namesOf({ only: null, quick: true })).toEqual([
      'put',
      'get',
      'lock',
      'contended',
      'watch',
      'memory',
      'failover',
    ]);
  });

  it('has what is named, quick or not', () => {
    expect(namesOf({ only: ['growth', 'idle'], quick: true })).toEqual(['idle', 'growth']);
  });
});
