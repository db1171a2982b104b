import type { Membership, NodeId } from '@latchkey/raft';
import { holds } from '../invariants/cluster-view.js';
import { isMajority, voterSetsOf } from '../invariants/quorum.js';
import type { SimulatedNode } from '../node/simulated-node.js';
import type { World } from '../world/world.js';

/*
 * What may be taken from a cluster without taking its quorum for ever, or its memory: asked before faults that a cluster
 * cannot come back from, and when it is chosen who stays away.
 */

/** Every membership that the cluster may decide by from now on. @param asked those that were asked for and may come */
export function possibleMemberships(world: World, asked: readonly Membership[]): readonly Membership[] {
  const { committed } = world;
  const at = committed.memberships.at(-1)?.index ?? 0;
  const possible = [committed.membership, ...asked];
  for (const { disk, life } of world.nodes) {
    if (disk.image.damage === null) possible.push(...disk.image.membershipsAfter(at));
    // A leader decides by what it has not written yet.
    const status = life?.replica.status();
    if (status?.role === 'leader') possible.push(status.membership);
  }
  return possible;
}

/** Nodes that do not come back with what they hold, since that is damaged, lost, or found to be wrong. */
export function damagedNodes(world: World): ReadonlySet<NodeId> {
  const isWrong = ({ disk: { image }, life }: SimulatedNode): boolean =>
    image.damage !== null || image.identity.lost !== null || life?.isAstray === true;
  return new Set(world.nodes.filter(isWrong).map(({ id }) => id));
}

/** Whether each of these memberships can decide without those nodes. */
export function canDoWithout(memberships: readonly Membership[], lost: ReadonlySet<NodeId>): boolean {
  return memberships.every((membership) =>
    voterSetsOf(membership).every((voters) => isMajority(voters, (voter) => !lost.has(voter))),
  );
}

/**
 * Whether `node`, which was removed, may forget everything and come back under its name: nobody who does not know of the
 * removal could win an election with the votes of those who do not know of it either (FAILURE-MODES 32).
 */
export function mayForget(world: World, node: SimulatedNode, asked: readonly Membership[]): boolean {
  const { committed } = world;
  const votesIn = (membership: Membership): boolean =>
    voterSetsOf(membership).some((voters) => voters.includes(node.id));
  if (possibleMemberships(world, asked).some(votesIn)) return false;
  const at = committed.memberships.at(-1)?.index ?? 0;
  const ignorant = new Set(
    world.nodes.filter((each) => each === node || !holds(committed, each.disk.image, at)).map(({ id }) => id),
  );
  return world.nodes
    .filter((each) => each !== node && ignorant.has(each.id))
    .every((each) =>
      mayActBy(world, each).every(
        (membership) => !voterSetsOf(membership).every((voters) => isMajority(voters, (id) => ignorant.has(id))),
      ),
    );
}

/** Whoever has joined is sent the log from long ago, and for a while may act by any membership in it. */
function mayActBy({ committed }: World, node: SimulatedNode): readonly Membership[] {
  const known = node.knownMemberships(committed.memberships[0]?.membership);
  return node.joins ? [...known, ...committed.memberships.map(({ membership }) => membership)] : known;
}
