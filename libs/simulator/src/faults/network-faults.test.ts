import { nodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { Random } from '../world/random.js';
import { cutDirections } from './network-faults.js';

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId);
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);
const cuts = (kind: Parameters<typeof cutDirections>[0], seed: number) =>
  cutDirections(kind, IDS, new Random(seed, 'test')).map(({ from, to }) => `${from}>${to}`);

/** Nodes that still hear and are heard by `node`. */
const neighbours = (node: string, cut: readonly string[]) =>
  IDS.filter((other) => other !== node && !cut.includes(`${node}>${other}`) && !cut.includes(`${other}>${node}`));

describe('partitions', () => {
  it.each(SEEDS)('isolate leaves one node without anybody and the others together, seed %i', (seed) => {
    const degrees = IDS.map((node) => neighbours(node, cuts('isolate', seed)).length);
    expect(degrees.toSorted((left, right) => left - right)).toEqual([0, 3, 3, 3, 3]);
  });

  it.each(SEEDS)('bridge leaves one node that hears all, and two halves that hear only it, seed %i', (seed) => {
    const degrees = IDS.map((node) => neighbours(node, cuts('bridge', seed)).length);
    expect(degrees.toSorted((left, right) => left - right)).toEqual([2, 2, 2, 2, 4]);
  });

  it.each(SEEDS)('ring leaves each node two neighbours, seed %i', (seed) => {
    const degrees = IDS.map((node) => neighbours(node, cuts('ring', seed)).length);
    expect(degrees).toEqual([2, 2, 2, 2, 2]);
  });

  it.each(SEEDS)('chain leaves each node the one before and the one after, seed %i', (seed) => {
    const degrees = IDS.map((node) => neighbours(node, cuts('chain', seed)).length);
    expect(degrees.toSorted((left, right) => left - right)).toEqual([1, 1, 2, 2, 2]);
  });

  it.each(SEEDS)('two-leaf leaves two nodes with one neighbour each, and the others together, seed %i', (seed) => {
    const cut = cuts('twoLeaf', seed);
    const leaves = IDS.filter((node) => neighbours(node, cut).length === 1);
    expect(leaves).toHaveLength(2);
    const hubs = leaves.flatMap((leaf) => neighbours(leaf, cut));
    expect(new Set([...hubs, ...leaves]).size).toBe(4);
    for (const node of IDS.filter((id) => !leaves.includes(id))) {
      expect(neighbours(node, cut).filter((other) => !leaves.includes(other))).toHaveLength(2);
    }
  });

  it.each(SEEDS)('one-way cuts a direction and leaves the other, seed %i', (seed) => {
    const cut = cuts('oneWay', seed);
    expect(cut.length).toBeGreaterThan(0);
    for (const direction of cut) {
      const [from, to] = direction.split('>');
      expect(cut).not.toContain(`${to}>${from}`);
    }
  });

  it.each(SEEDS)('split cuts both directions between two groups, seed %i', (seed) => {
    const cut = cuts('split', seed);
    expect(cut.length).toBeGreaterThan(0);
    for (const direction of cut) expect(cut).toContain(direction.split('>').toReversed().join('>'));
  });
});
