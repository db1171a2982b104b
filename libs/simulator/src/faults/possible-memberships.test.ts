import { logIndex, nodeId, term, type LogEntry, type Membership, type NodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { planFor } from '../plan.js';
import { entry } from '../test-support/facts.js';
import { World } from '../world/world.js';
import { canDoWithout, mayForget, possibleMemberships } from './possible-memberships.js';

const SEED = 1;
const [N1, N2, N3, N4, N5] = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId) as [NodeId, NodeId, NodeId, NodeId, NodeId];
const of = (voters: readonly NodeId[], votersOutgoing: readonly NodeId[] = []): Membership => ({
  voters,
  votersOutgoing,
  learners: [],
});
const ALL = [N1, N2, N3, N4, N5];

/** Five members; each of `entries` is on the disks named with it, and the first `committedCount` are committed. */
function worldWith(entries: readonly (readonly [Membership, readonly NodeId[]])[], committedCount: number): World {
  const world = new World({ ...planFor({ seed: SEED, profile: 'calm' }), nodeCount: ALL.length });
  for (const { disk } of world.nodes) disk.image.write({ hardState: null, truncateFrom: null, entries: [entry(1, 1)] });
  world.committed.commit(entry(1, 1), term(1));
  for (const [place, [membership, holders]] of entries.entries()) {
    const index = logIndex(place + 2);
    const change: LogEntry = { type: 'membership', index, term: term(1), membership };
    for (const { id, disk } of world.nodes) {
      if (holders.includes(id)) disk.image.write({ hardState: null, truncateFrom: null, entries: [change] });
    }
    if (place < committedCount) world.committed.commit(change, term(1));
  }
  return world;
}

function mayBeWiped(world: World, id: NodeId): boolean {
  const node = world.nodes.find((candidate) => candidate.id === id);
  return node !== undefined && mayForget(world, node, []);
}

describe('what a cluster can lose', () => {
  it('is a minority of every set of voters that may decide, committed or not', () => {
    const shrinking = of([N1, N2], ALL);
    const world = worldWith([[shrinking, [N3]]], 0);
    const possible = possibleMemberships(world, []);
    expect(canDoWithout(possible, new Set([N4, N5]))).toBe(true);
    expect(canDoWithout(possible, new Set([N1]))).toBe(false);
    expect(canDoWithout(possibleMemberships(world, [of([N4])]), new Set([N4, N5]))).toBe(false);
  });
});

describe('a node that may forget everything, FAILURE-MODES 32', () => {
  it('is not a voter, nor one that may still be one', () => {
    expect(mayBeWiped(worldWith([], 0), N5)).toBe(false);
    expect(mayBeWiped(worldWith([[of([N1, N2, N3, N4], ALL), ALL]], 1), N5)).toBe(false);
  });

  it('is one whose removal all others know of', () => {
    const four = [N1, N2, N3, N4];
    const removal = [
      [of(four, ALL), ALL],
      [of(four), four],
    ] as const;
    expect(mayBeWiped(worldWith(removal, 2), N5)).toBe(true);
  });

  it('is not one whose vote could make a leader of one who knows of no removal', () => {
    // n4 and n5 left; n3 and n5 have not heard of it. With the votes of n3, of n5 and of an n4 that has forgotten, n3 would
    // be elected by the first membership.
    const three = [N1, N2, N3];
    const removals = [
      [of(three, ALL), [N1, N2, N4]],
      [of(three), [N1, N2]],
    ] as const;
    expect(mayBeWiped(worldWith(removals, 2), N4)).toBe(false);
  });

  it('is not one who could help others that came back without anything, and are sent the old log first', () => {
    // n3 to n5 left, n3 and n4 are new machines. With an old part of the log, in which all five vote, and with an n5 that has
    // forgotten, they would elect one of themselves.
    const two = [N1, N2];
    const removals = [
      [of(two, ALL), [N1, N2, N5]],
      [of(two), [N1, N2, N5]],
    ] as const;
    const world = worldWith(removals, 2);
    const back = world.nodes.filter(({ id }) => id === N3 || id === N4);
    for (const node of back) node.replaceMachine();
    expect(mayBeWiped(world, N5)).toBe(false);
    // As soon as they have caught up nobody is left to help.
    const caughtUp = worldWith(
      [
        [of(two, ALL), ALL],
        [of(two), ALL],
      ],
      2,
    );
    for (const node of caughtUp.nodes) node.joins = node.id === N3 || node.id === N4;
    expect(mayBeWiped(caughtUp, N5)).toBe(true);
  });
});
