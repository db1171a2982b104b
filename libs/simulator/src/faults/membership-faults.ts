import { MAX_VOTERS, type NodeId } from '@latchkey/raft';
import { membersOf } from '../invariants/quorum.js';
import type { SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import type { Operator } from './operator.js';
import { canDoWithout, damagedNodes, possibleMemberships } from './possible-memberships.js';

/** Below it a cluster is made larger more often than not. */
const USUAL_VOTERS_MIN = 3;
const SMALLER_STILL_CHANCE = 0.2;
const PAUSE_MEAN_MS = 500;
const CRASH_WHEN_DAMAGED_CHANCE = 0.5;

export type MembershipFaultWorld = { readonly world: World; readonly random: Random; readonly operator: Operator };

/** Some sensible or strange sequence of changes. */
export function changeMembers(context: MembershipFaultWorld): void {
  const { operator, random } = context;
  const stories = [grow, grow, shrink, exchange, demoteAndBack, removeAndBack, setVoters];
  const story = random.pick(stories);
  operator.begin(() => story(context));
}

/** A member leaves and comes back as a new machine under its old name. */
export function wipeMember({ world, random, operator }: MembershipFaultWorld): void {
  const members = nodesOf(world, [...membersOf(world.committed.membership)]);
  operator.begin(() => operator.replace(random.pick(members)));
}

/** Leadership is handed on: to a voter, to whoever is furthest, or to somebody who cannot take it. */
export function transferLeadership({ world, random, operator }: MembershipFaultWorld): void {
  const node = random.chance(0.9) ? operator.leader() : random.pick(world.nodes);
  const someone = random.chance(0.8) ? random.pick(world.committed.membership.voters) : random.pick(world.nodes).id;
  const to = random.chance(0.3) ? null : someone;
  if (node !== null) operator.transfer(node, to);
}

/** Flips bytes on a disk, unless too few undamaged ones would be left. It shows when they are read. */
export function damageDisk({ world, random, operator }: MembershipFaultWorld): void {
  const node = random.pick(nodesOf(world, [...membersOf(world.committed.membership)]));
  const { image } = node.disk;
  const lost = new Set([...damagedNodes(world), node.id]);
  const memberships = possibleMemberships(world, operator.possibleTargets);
  if (operator.isBusy || image.damage !== null || !canDoWithout(memberships, lost)) return;
  const rows = image.rowKeys;
  if (rows.length > 0 && random.chance(0.5)) image.damage = { type: 'row', key: random.pick(rows) };
  else if (image.lastIndex > image.base.index) {
    const entry = image.entryAt(random.integer(image.base.index + 1, image.lastIndex));
    if (entry !== null) image.damage = { type: 'entry', index: entry.index };
  }
  if (image.damage === null) return;
  world.note(node, 'damaged', image.damage.type === 'entry' ? `entry ${image.damage.index}` : 'row');
  if (random.chance(CRASH_WHEN_DAMAGED_CHANCE)) node.crash({ peersLearn: random.chance(0.5) });
}

/** A node that cannot start because its disk is damaged is replaced. */
export function repairDamaged({ world, operator }: MembershipFaultWorld): void {
  if (operator.isBusy) return;
  const dead = world.nodes.find(({ disk, isUp }) => disk.image.damage !== null && !isUp);
  if (dead !== undefined) operator.begin(() => operator.replace(dead));
}

async function grow({ world, random, operator }: MembershipFaultWorld): Promise<void> {
  const { voters } = world.committed.membership;
  const [newcomer] = random.shuffled(strangers(world));
  if (newcomer !== undefined && voters.length < MAX_VOTERS) await operator.admit(newcomer);
}

async function shrink({ world, random, operator }: MembershipFaultWorld): Promise<void> {
  const { voters } = world.committed.membership;
  if (voters.length <= USUAL_VOTERS_MIN && !random.chance(SMALLER_STILL_CHANCE)) return;
  await operator.change({ type: 'remove', node: someMember({ world, random, operator }) });
}

async function exchange(context: MembershipFaultWorld): Promise<void> {
  await grow(context);
  if (!context.operator.isOver) await shrink(context);
}

async function demoteAndBack(context: MembershipFaultWorld): Promise<void> {
  const { world, random, operator } = context;
  const node = someMember(context);
  if (!(await operator.change({ type: 'demote', node }))) return;
  await world.sleep(random.exponential(PAUSE_MEAN_MS));
  if (random.chance(0.8)) await operator.change({ type: 'promote', node });
}

/** With its old disk, and sometimes before it has heard that it was removed. */
async function removeAndBack(context: MembershipFaultWorld): Promise<void> {
  const { world, random, operator } = context;
  const [node] = nodesOf(world, [someMember(context)]);
  if (node === undefined || !(await operator.change({ type: 'remove', node: node.id }))) return;
  if (random.chance(0.7)) await world.sleep(random.exponential(PAUSE_MEAN_MS));
  if (!operator.isOver && node.disk.image.damage === null) await operator.admit(node);
}

/** Several at once: some leave, learners take their places. */
async function setVoters({ world, random, operator }: MembershipFaultWorld): Promise<void> {
  for (const newcomer of random.shuffled(strangers(world)).slice(0, random.integer(0, 2))) {
    operator.boot(newcomer);
    await operator.change({ type: 'addLearner', node: newcomer.id, address: null });
    if (operator.isOver) return;
  }
  const members = random.shuffled([...membersOf(world.committed.membership)]);
  const count = random.integer(Math.min(USUAL_VOTERS_MIN, members.length), Math.min(MAX_VOTERS, members.length));
  await operator.change({ type: 'setVoters', voters: members.slice(0, count) });
}

/** The leader as often as all others together. */
function someMember({ world, random, operator }: MembershipFaultWorld): NodeId {
  const leader = random.chance(0.5) ? operator.leader() : null;
  return leader?.id ?? random.pick([...membersOf(world.committed.membership)]);
}

/** Undamaged nodes that are no members. */
function strangers(world: World): readonly SimulatedNode[] {
  const members = membersOf(world.committed.membership);
  return world.nodes.filter(({ id, disk }) => !members.has(id) && disk.image.damage === null);
}

function nodesOf(world: World, ids: readonly NodeId[]): readonly SimulatedNode[] {
  return world.nodes.filter(({ id }) => ids.includes(id));
}
