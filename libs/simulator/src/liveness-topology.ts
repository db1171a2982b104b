import type { Membership, NodeId } from '@latchkey/raft';
import { cutForGood, deafen } from './faults/network-faults.js';
import { canDoWithout, damagedNodes, possibleMemberships } from './faults/possible-memberships.js';
import { isSameMembership, membersOf, voterSetsOf } from './invariants/quorum.js';
import type { SimulatedNode } from './node/simulated-node.js';
import { Random } from './world/random.js';
import type { World } from './world/world.js';

const CALM_TURN_MS = 0.05;
/** Fewer voters leave nothing to cut. */
const VOTERS_TO_CUT_MIN = 3;

/** Ways in which the rest may stay away for the whole phase. Source: TESTING phase 2; the bridge is openraft #2080. */
type Topology = 'othersDead' | 'deafLeader' | 'bridge' | 'ring' | 'chain' | 'twoLeaf';

export type Serving = {
  readonly nodes: readonly SimulatedNode[];
  /** Not each of them can talk to each other. */
  readonly isCut: boolean;
};

/**
 * Calm for everybody, and a random topology in which some node can talk to a quorum. Gives those that may serve.
 * @param asked memberships that may still come about
 */
export function freezeFaults(world: World, asked: readonly Membership[]): Serving {
  const random = new Random(world.plan.seed, 'liveness');
  calmDown(world);
  const damaged = damagedNodes(world);
  for (const node of world.nodes) {
    // A process that is about to end does not come back by itself.
    if (node.life?.replica.status().phase === 'stopped') node.crash({ peersLearn: true });
  }
  rewriteSettings(world);
  const memberships = possibleMemberships(world, asked);
  const voters = commonVoters(memberships);
  const isWhole = voters !== null && voters.length >= VOTERS_TO_CUT_MIN && !voters.some((id) => damaged.has(id));
  const topology = isWhole ? topologyFor(voters.length, random) : 'othersDead';
  const serving =
    topology === 'othersDead'
      ? leaveQuorum(world, random, memberships)
      : cutVoters(world, random, topology, nodesOf(world, voters ?? []));
  world.trace.note(world.nowMs, null, `liveness ${topology}`, { detail: serving.map(({ id }) => id).join(' ') });
  return { nodes: serving, isCut: topology !== 'othersDead' };
}

/** What a person must do: a node whose log and settings name nobody who is still a member has no way back (docs/decisions/0012). */
export function rewriteSettings({ nodes, committed }: World): void {
  const members = membersOf(committed.membership);
  for (const node of nodes) {
    const { image } = node.disk;
    const latest = image.membershipsAfter(image.base.index).at(-1) ?? image.checkpoint?.membership;
    const known = [...node.configuredPeers, ...(latest === undefined ? [] : membersOf(latest))];
    const knowsMember = known.some((id) => id !== node.id && members.has(id));
    if (!members.has(node.id) || members.size === 1 || knowsMember) continue;
    node.crash({ peersLearn: true });
    node.configuredPeers = [...members];
  }
}

function topologyFor(voterCount: number, random: Random): Topology {
  // In a ring or a chain each node hears two others: in larger clusters that is no majority.
  const sparse: readonly Topology[] = Math.floor(voterCount / 2) + 1 <= 3 ? ['ring', 'chain'] : [];
  return random.pick<Topology>(['othersDead', 'deafLeader', 'bridge', 'twoLeaf', ...sparse]);
}

/** The one set of voters that decides, whatever happens to changes that are under way; null when there are several. */
function commonVoters(memberships: readonly Membership[]): readonly NodeId[] | null {
  const sets = memberships.flatMap(voterSetsOf);
  const [first = []] = sets;
  const asMembership = (voters: readonly NodeId[]): Membership => ({ voters, votersOutgoing: [], learners: [] });
  return sets.every((voters) => isSameMembership(asMembership(voters), asMembership(first))) ? first : null;
}

/**
 * No more than a quorum of every membership that may decide; of the others, learners and those removed may live or not. Nor is
 * anybody needed whose disk is damaged: but who has not noticed it yet may go on, and lead.
 */
function leaveQuorum(world: World, random: Random, memberships: readonly Membership[]): readonly SimulatedNode[] {
  const voters = new Set(memberships.flatMap(voterSetsOf).flat());
  const damaged = damagedNodes(world);
  const lost = new Set(damaged);
  const wanted = random.integer(0, voters.size);
  for (const id of random.shuffled([...voters]).slice(0, wanted)) {
    if (canDoWithout(memberships, new Set([...lost, id]))) lost.add(id);
  }
  const serving = world.nodes.filter(({ id }) => voters.has(id) && !lost.has(id));
  const unaware = world.nodes
    .filter(({ id, isUp }) => isUp && voters.has(id) && damaged.has(id) && random.chance(0.5))
    .filter(({ disk: { image } }) => image.damage?.type !== 'lost' && image.identity.lost === null);
  for (const node of world.nodes) {
    if (serving.includes(node)) node.start();
    else if (unaware.includes(node)) continue;
    else if (voters.has(node.id) || random.chance(0.5)) node.crash({ peersLearn: random.chance(0.5) });
  }
  return [...serving, ...unaware];
}

function cutVoters(
  world: World,
  random: Random,
  topology: Exclude<Topology, 'othersDead'>,
  voters: readonly SimulatedNode[],
): readonly SimulatedNode[] {
  const leader = voters.find(({ life }) => life?.replica.status().role === 'leader') ?? random.pick(voters);
  const members = membersOf(world.committed.membership);
  for (const node of world.nodes) if (members.has(node.id) || voters.includes(node)) node.start();
  if (topology !== 'deafLeader') {
    cutForGood(
      world,
      random,
      topology,
      voters.map(({ id }) => id),
    );
    return voters;
  }
  deafen(world, leader.id);
  return voters.filter((node) => node !== leader);
}

function calmDown(world: World): void {
  world.areFaultsOver = true;
  world.behaviour = world.calmNetwork();
  world.network.healAll();
  const { latencyMs } = world.behaviour;
  for (const { disk, time, life } of world.nodes) {
    Object.assign(disk.health, {
      stalledUntilMs: 0,
      fullUntilMs: 0,
      errorRate: 0,
      unknownRate: 0,
      lieRate: 0,
      latencyMs,
    });
    time.turnDelayMs = () => CALM_TURN_MS;
    life?.process.crashAfterPortCalls(Infinity);
    if (life?.process.paused === true) life.process.resume();
  }
}

function nodesOf(world: World, ids: readonly NodeId[]): readonly SimulatedNode[] {
  return world.nodes.filter(({ id }) => ids.includes(id));
}
