import { describe, expect, it } from 'vitest';
import type { SystemName } from '../peers/system.js';
import type { ResultRow } from './comparison-results.js';
import type { Quantity } from './quantity.js';
import { spreadOf } from './spread.js';
import { advantageOver, describeLosses, lossesIn } from './verdict.js';

const rowOf = (quantity: Quantity, values: Partial<Record<SystemName, readonly number[]>>): ResultRow => ({
  workload: 'put, 1 in flight',
  quantity,
  bySystem: new Map(
    // The keys of the literal are names of systems.
    Object.entries(values).map(([name, all]) => [name as SystemName, spreadOf(all)]),
  ),
});

describe('advantage over another system', () => {
  it('is 2 for twice the rate and for half the time', () => {
    expect(advantageOver('etcd', rowOf('perSecond', { latchkey: [200], etcd: [100] }))).toBe(2);
    expect(advantageOver('etcd', rowOf('p50Ms', { latchkey: [1], etcd: [2] }))).toBe(2);
  });

  it('is below 1 where the other is better', () => {
    expect(advantageOver('nats', rowOf('p50Ms', { latchkey: [4], nats: [1] }))).toBe(0.25);
  });

  it('is 1 for two zeros, and none where there is nothing to divide by', () => {
    expect(advantageOver('etcd', rowOf('failedWrites', { latchkey: [0], etcd: [0] }))).toBe(1);
    expect(advantageOver('etcd', rowOf('failedWrites', { latchkey: [3], etcd: [0] }))).toBe(0);
    expect(advantageOver('etcd', rowOf('failedWrites', { latchkey: [0], etcd: [3] }))).toBe(null);
  });

  it('is none for a system that was not measured', () => {
    expect(advantageOver('etcd', rowOf('perSecond', { latchkey: [200] }))).toBe(null);
  });
});

describe('losses', () => {
  it('names every system that is ahead, the furthest first', () => {
    const losses = lossesIn([rowOf('perSecond', { latchkey: [100], etcd: [50], zookeeper: [150], nats: [400] })]);
    expect(losses.map(({ system, factor }) => [system, factor])).toEqual([
      ['nats', 4],
      ['zookeeper', 1.5],
    ]);
  });

  it('does not count a difference of a hundredth', () => {
    expect(lossesIn([rowOf('perSecond', { latchkey: [100], nats: [101] })])).toEqual([]);
  });

  it('counts being above a zero as a loss, and a zero of its own never', () => {
    expect(lossesIn([rowOf('failedWrites', { latchkey: [3], etcd: [0] })]).map(({ factor }) => factor)).toEqual([
      Infinity,
    ]);
    expect(lossesIn([rowOf('failedWrites', { latchkey: [0], etcd: [3] })])).toEqual([]);
  });

  it('says so when the runs overlap', () => {
    const row = rowOf('p50Ms', { latchkey: [2, 3, 4], nats: [1, 2, 3.5] });
    expect(describeLosses(lossesIn([row]))).toEqual([
      'put, 1 in flight, p50: 3.00 ms; nats 2.00 (1.50 times better, but the runs overlap)',
    ]);
  });

  it('tells one measurement in one line, whoever is ahead in it', () => {
    const row = rowOf('p50Ms', { latchkey: [4], nats: [1], zookeeper: [2] });
    expect(describeLosses(lossesIn([row]))).toEqual([
      'put, 1 in flight, p50: 4.00 ms; nats 1.00 (4.0 times better), zookeeper 2.00 (2.0 times better)',
    ]);
  });
});
