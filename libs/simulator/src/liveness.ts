import type { NodeId } from '@latchkey/raft';
import type { Workload } from './clients/workload.js';
import type { Operator } from './faults/operator.js';
import { isJoint, isQuorum, isSameMembership, membersOf, voterSetsOf } from './invariants/quorum.js';
import { freezeFaults, rewriteSettings, type Serving } from './liveness-topology.js';
import type { SimulatedNode } from './node/simulated-node.js';
import type { World } from './world/world.js';

/** Source: TESTING, phase 2. */
const ELECTION_TIMEOUTS_ALLOWED = 10;
/** The driver's longest pause between two attempts to load a store that had failed. */
const STORE_RELOAD_PAUSE_MS = 2_000;
/** Until a connection that has died silently is given up, and a new one is there. */
const RECONNECT_MS = 3_500;
const CONVERGENCE_MS = 60_000;
const SERVE_AGAIN_MS = 1_000;
/** Clients give up after ten seconds. */
const DRAIN_MS = 15_000;
const CONVERGENCE_LOOK_MS = 100;
/** A lease ends so long after its TTL at the latest (FAILURE-MODES 40), and its end must reach every node. */
const LEASE_LATE_MS = 3_000;
/** So long who was removed must not be noticed by anybody. */
const QUIET_ELECTION_TIMEOUTS = 5;

/**
 * Phase 2: no more faults. A quorum that can talk to each other must serve within ten election timeouts, whatever the
 * rest does; then everybody comes back and must come to one state.
 */
export async function checkLiveness(world: World, workload: Workload, operator: Operator): Promise<void> {
  const quorum = freezeFaults(world, operator.possibleTargets);
  await checkQuorumServes(world, workload, quorum);
  if (world.violation === null) await checkConvergence(world, workload);
  if (world.violation === null) await checkRemovedAreQuiet(world);
  const [unanswered] = operator.unanswered;
  if (unanswered !== undefined) late(world, `${unanswered} was never answered`);
}

async function checkQuorumServes(world: World, workload: Workload, { nodes: quorum, isCut }: Serving): Promise<void> {
  const allowedMs = world.plan.electionTimeoutMs * ELECTION_TIMEOUTS_ALLOWED + STORE_RELOAD_PAUSE_MS + RECONNECT_MS;
  const deadlineMs = world.nowMs + allowedMs;
  const leaders = (): readonly SimulatedNode[] => quorum.filter(({ life }) => life?.replica.status().role === 'leader');
  const hasLeader = await world.runUntil(deadlineMs, () => leaders().length > 0);
  if (!hasLeader && !isSomebodyElectable(world)) {
    // Raft alone cannot help there: everybody who hears a majority is behind one of those it needs.
    return world.trace.note(world.nowMs, null, 'liveness excused');
  }
  if (!hasLeader) return late(world, `no leader among ${quorum.map(({ id }) => id).join(', ')} within ${allowedMs} ms`);
  // Where links stay cut not every node reaches the leader, and clients are told to go to one that does.
  const prober = workload.prober(() => (isCut && leaders().length > 0 ? leaders() : quorum).map(({ id }) => id));
  const probed = await settled(world, deadlineMs, prober.writeAndRead());
  if (probed !== true) return late(world, `no fresh write and read by the quorum within ${allowedMs} ms`);
  const granted = await settled(world, deadlineMs, prober.takesLocksInOrder());
  if (granted !== true) late(world, `three who waited for a lock were not granted it in turn within ${allowedMs} ms`);
  void prober.close();
}

/**
 * Whether some node can talk to a quorum that has nothing newer than it has (Raft §5.4.1). In a long chain there may be none. Nor
 * does who starts there take part, if it cannot reach the majority whose word it needs (docs/decisions/0012).
 */
export function isSomebodyElectable({ nodes, network, committed }: World): boolean {
  const voters = new Set(voterSetsOf(committed.membership).flat());
  const up = nodes.filter(({ id, isUp }) => isUp && voters.has(id));
  const isAdmissible = (node: SimulatedNode): boolean => {
    const reached = up.filter((voter) => voter === node || network.areLinked(node.id, voter.id)).map(({ id }) => id);
    return isQuorum(committed.membership, (voter) => reached.includes(voter));
  };
  const running = up.filter((node) => node.life?.replica.status().phase === 'running' || isAdmissible(node));
  const isElectable = (candidate: SimulatedNode): boolean => {
    const grants = running.filter(
      (voter) => voter === candidate || (network.areLinked(candidate.id, voter.id) && isUpToDate(candidate, voter)),
    );
    const granting = new Set(grants.map(({ id }) => id));
    return isQuorum(committed.membership, (voter) => granting.has(voter));
  };
  return running.some(isElectable);
}

function isUpToDate({ disk: { image: candidate } }: SimulatedNode, { disk: { image: voter } }: SimulatedNode): boolean {
  const [candidateTerm, voterTerm] = [candidate.termAt(candidate.lastIndex) ?? 0, voter.termAt(voter.lastIndex) ?? 0];
  return candidateTerm > voterTerm || (candidateTerm === voterTerm && candidate.lastIndex >= voter.lastIndex);
}

/** Everybody back: one state, everything that was acknowledged in it, and no lease left of clients that have gone. */
async function checkConvergence(world: World, workload: Workload): Promise<void> {
  world.network.healAll();
  rewriteSettings(world);
  for (const node of membersOfCluster(world)) node.start();
  world.trace.note(world.nowMs, null, 'healAll');
  await world.runUntil(world.nowMs + SERVE_AGAIN_MS);
  workload.end();
  await world.runUntil(world.nowMs + DRAIN_MS, () => workload.runningCount === 0);
  await withinConvergence(world, 'the nodes did not come to one state');
  const isResolved = (): boolean =>
    membersOfCluster(world).every(({ life }) => life !== null && life.reader.leases().next().done);
  await within(world, world.plan.leaseTtlMs + LEASE_LATE_MS, isResolved, 'leases outlive their clients');
  await withinConvergence(world, 'the nodes did not come to one state in the end');
}

/** Those that were removed start again, not knowing it; the others must not notice. */
async function checkRemovedAreQuiet(world: World): Promise<void> {
  const members = membersOfCluster(world);
  const removed = world.nodes.filter(({ disk }) => disk.image.damage === null && disk.image.lastIndex > 0);
  const strangers = removed.filter((node) => !members.includes(node));
  if (strangers.length === 0) return;
  const termsBefore = termsOf(members);
  for (const node of strangers) node.start();
  world.trace.note(world.nowMs, null, 'removed start', { detail: strangers.map(({ id }) => id).join(' ') });
  await world.runUntil(world.nowMs + QUIET_ELECTION_TIMEOUTS * world.plan.electionTimeoutMs);
  const terms = termsOf(members);
  if (terms !== termsBefore) late(world, `those who were removed disturb: terms ${termsBefore} became ${terms}`);
  const leader = strangers.find(({ life }) => life?.replica.status().role === 'leader');
  if (leader !== undefined) late(world, `${leader.id} was removed, and leads`);
}

const termsOf = (nodes: readonly SimulatedNode[]): string =>
  nodes.map(({ life }) => life?.replica.status().currentTerm ?? 'none').join(' ');

/** As it was committed last; without those whose disks are damaged, who cannot take part any more. */
function membersOfCluster(world: World): readonly SimulatedNode[] {
  const members: ReadonlySet<NodeId> = membersOf(world.committed.membership);
  return world.nodes.filter(({ id, disk }) => members.has(id) && (isScrubbed(world) || isSound(disk.image)));
}

/** Damage of any kind is found, and its node begins anew. */
const isScrubbed = ({ plan }: World): boolean => plan.faults.bitRot !== undefined;

/** A disk that has lost what it held is no reason to stay away: its node begins anew by itself. */
function isSound({ damage }: SimulatedNode['disk']['image']): boolean {
  return damage === null || damage.type === 'lost';
}

/** Null when all members have one state, and one membership that nothing is left to do about. */
function whatDiffers(world: World): string | null {
  const { membership } = world.committed;
  if (isJoint(membership)) return 'the membership is joint';
  const states = new Map<string, NodeId>();
  for (const { id, life } of membersOfCluster(world)) {
    if (life === null) return `${id} is down`;
    const { rejoining, phase, appliedIndex, membership: known } = life.replica.status();
    if (rejoining !== null) return `${id} is not back (${rejoining}), and ${phase}`;
    if (!isSameMembership(known, membership)) return `${id} knows another membership`;
    states.set(`${appliedIndex} ${life.reader.stateHash}`, id);
  }
  return states.size === 1 ? null : [...states].map(([state, id]) => `${id}: ${state}`).join(', ');
}

async function withinConvergence(world: World, otherwise: string): Promise<void> {
  const deadlineMs = world.nowMs + CONVERGENCE_MS;
  while (world.violation === null) {
    const difference = whatDiffers(world);
    if (difference === null) return;
    if (world.nowMs >= deadlineMs) return late(world, `${otherwise} within ${CONVERGENCE_MS} ms: ${difference}`);
    await world.runUntil(world.nowMs + CONVERGENCE_LOOK_MS);
  }
}

async function within(world: World, allowedMs: number, isSo: () => boolean, otherwise: string): Promise<void> {
  const deadlineMs = world.nowMs + allowedMs;
  while (world.violation === null && !isSo()) {
    if (world.nowMs >= deadlineMs) return late(world, `${otherwise} within ${allowedMs} ms`);
    await world.runUntil(world.nowMs + CONVERGENCE_LOOK_MS);
  }
}

function late(world: World, message: string): void {
  if (world.violation === null) world.violate({ invariant: 'liveness', message });
}

/** Runs until the promise is settled or the time is over; undefined when it is over. */
async function settled<Result>(
  world: World,
  deadlineMs: number,
  promise: Promise<Result>,
): Promise<Result | undefined> {
  let result: { readonly value: Result } | null = null;
  void promise.then((value) => {
    result = { value };
  });
  await world.runUntil(deadlineMs, () => result !== null);
  // A null here is what the compiler thinks; the reaction above has run meanwhile.
  const ended = result as { readonly value: Result } | null;
  return ended?.value;
}
