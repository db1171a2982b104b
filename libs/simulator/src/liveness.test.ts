import { nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { isSomebodyElectable } from './liveness.js';
import { rewriteSettings } from './liveness-topology.js';
import { planFor } from './plan.js';
import { entry } from './test-support/facts.js';
import { World } from './world/world.js';

const SEED_OF_FIVE_NODES = 1;
const A_MOMENT_MS = 1;

/** n1 – n2 – n3 – n4 – n5, each running, with so many entries on its disk. */
function chain(entryCounts: readonly number[]): World {
  const world = new World({ ...planFor({ seed: SEED_OF_FIVE_NODES, profile: 'calm' }), nodeCount: entryCounts.length });
  for (const [place, node] of world.nodes.entries()) {
    const entries = Array.from({ length: entryCounts[place] ?? 0 }, (_, index) => entry(index + 1, 1));
    node.disk.image.write({ hardState: { currentTerm: term(1), votedFor: null }, truncateFrom: null, entries });
    node.start();
    for (const [otherPlace, other] of world.nodes.entries()) {
      const isCut = Math.abs(place - otherPlace) > 1;
      world.network.setBlocked({ from: node.id, to: other.id }, isCut, 'never');
    }
  }
  return world;
}

describe('who can be elected in a chain (Raft §5.4.1)', () => {
  it('is somebody in the middle whose neighbours have nothing newer', () => {
    expect(isSomebodyElectable(chain([1, 2, 2, 1, 3]))).toBe(true);
  });

  it('is nobody when each node in the middle is behind a neighbour', () => {
    expect(isSomebodyElectable(chain([5, 4, 3, 2, 1]))).toBe(false);
  });

  it('is nobody when those who run are no majority', async () => {
    const world = chain([1, 1, 1, 1, 1]);
    await world.runUntil(A_MOMENT_MS);
    for (const node of world.nodes.slice(2)) node.crash({ peersLearn: true });
    expect(isSomebodyElectable(world)).toBe(false);
  });
});

describe('settings that name no member any more', () => {
  it('are written anew for a member, which starts again to read them, and those of the others are left alone', async () => {
    const world = chain([1, 1, 1]);
    await world.runUntil(A_MOMENT_MS);
    const [lost, ...others] = world.nodes;
    if (lost === undefined) throw new Error('there is no node');
    lost.configuredPeers = [lost.id, nodeId('gone')];
    const before = others.map(({ configuredPeers, life }) => ({ configuredPeers, life }));
    rewriteSettings(world);
    expect(lost.isUp).toBe(false);
    expect(lost.configuredPeers).toEqual(world.committed.membership.voters);
    expect(others.map(({ configuredPeers, life }) => ({ configuredPeers, life }))).toEqual(before);
  });
});
