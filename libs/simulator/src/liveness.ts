import { cutForGood, deafen } from './faults/network-faults.js';
import type { SimulatedNode } from './node/simulated-node.js';
import { Random } from './world/random.js';
import type { World } from './world/world.js';
import type { Workload } from './clients/workload.js';

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
const CALM_TURN_MS = 0.05;

/**
 * Phase 2: no more faults. A quorum that can talk to each other must serve within ten election timeouts, whatever the
 * rest does; then everybody comes back and must come to one state.
 */
export async function checkLiveness(world: World, workload: Workload): Promise<void> {
  const quorum = freezeFaults(world);
  await checkQuorumServes(world, workload, quorum);
  if (world.violation === null) await checkConvergence(world, workload);
}

/** Ways in which the rest may stay away for the whole phase. Source: TESTING phase 2; the bridge is openraft #2080. */
type Topology = 'othersDead' | 'deafLeader' | 'bridge' | 'ring' | 'chain' | 'twoLeaf';

/** Calm for everybody, and a random topology in which some node can talk to a majority. Gives those that may serve. */
function freezeFaults(world: World): readonly SimulatedNode[] {
  const random = new Random(world.plan.seed, 'liveness');
  const count = world.nodes.length;
  const majority = Math.floor(count / 2) + 1;
  // In a ring or a chain each node hears two others: in larger clusters that is no majority.
  const sparse: readonly Topology[] = majority <= 3 ? ['ring', 'chain'] : [];
  const topologies: readonly Topology[] = ['othersDead', 'deafLeader', 'bridge', 'twoLeaf', ...sparse];
  const topology = random.pick(topologies);
  const leader = world.nodes.find(({ life }) => life?.replica.status().role === 'leader') ?? random.pick(world.nodes);
  const quorum = random.shuffled(world.nodes).slice(0, random.integer(majority, count));
  const started = topology === 'othersDead' ? quorum : world.nodes;
  calmDown(world);
  for (const node of world.nodes) {
    // A process that is about to end does not come back by itself.
    if (node.life?.replica.status().phase === 'stopped') node.crash({ peersLearn: true });
    if (started.includes(node)) node.start();
    else node.crash({ peersLearn: random.chance(0.5) });
  }
  if (topology === 'deafLeader') deafen(world, leader.id);
  else if (topology !== 'othersDead') cutForGood(world, random, topology);
  const serving = topology === 'deafLeader' ? world.nodes.filter((node) => node !== leader) : started;
  world.trace.note(world.nowMs, null, `liveness ${topology}`, { detail: serving.map(({ id }) => id).join(' ') });
  return serving;
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

async function checkQuorumServes(world: World, workload: Workload, quorum: readonly SimulatedNode[]): Promise<void> {
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
  const prober = workload.prober(() => (leaders().length > 0 ? leaders() : quorum).map(({ id }) => id));
  const probed = await settled(world, deadlineMs, prober.writeAndRead());
  if (probed !== true) return late(world, `no fresh write and read by the quorum within ${allowedMs} ms`);
  const granted = await settled(world, deadlineMs, prober.takesLocksInOrder());
  if (granted !== true) late(world, `three who waited for a lock were not granted it in turn within ${allowedMs} ms`);
  void prober.close();
}

/** Whether some node can talk to a majority that has nothing newer than it has (Raft §5.4.1). In a long chain there may be none. */
export function isSomebodyElectable({ nodes, network }: Pick<World, 'nodes' | 'network'>): boolean {
  const running = nodes.filter(({ isUp }) => isUp);
  const isElectable = (candidate: SimulatedNode): boolean => {
    const grants = running.filter(
      (voter) => voter === candidate || (network.areLinked(candidate.id, voter.id) && isUpToDate(candidate, voter)),
    );
    return grants.length > nodes.length / 2;
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
  for (const node of world.nodes) node.start();
  world.trace.note(world.nowMs, null, 'healAll');
  await world.runUntil(world.nowMs + SERVE_AGAIN_MS);
  workload.end();
  await world.runUntil(world.nowMs + DRAIN_MS, () => workload.runningCount === 0);
  await within(world, CONVERGENCE_MS, () => areAlike(world), 'the nodes did not come to one state');
  const isResolved = (): boolean => world.nodes.every(({ life }) => life !== null && life.reader.leases().next().done);
  await within(world, world.plan.leaseTtlMs + LEASE_LATE_MS, isResolved, 'leases outlive their clients');
  await within(world, CONVERGENCE_MS, () => areAlike(world), 'the nodes did not come to one state in the end');
}

function areAlike({ nodes }: World): boolean {
  const states = nodes.map(({ life }) =>
    life === null ? null : `${life.replica.status().appliedIndex} ${life.reader.stateHash}`,
  );
  return !states.includes(null) && new Set(states).size === 1;
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
