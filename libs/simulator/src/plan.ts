import { MAX_VOTERS } from '@latchkey/raft';
import { Random } from './world/random.js';

/** Everything that can be switched off to see whether a failure needs it. */
export const FAULT_CLASSES = [
  'drop',
  'duplicate',
  'delay',
  'reorder',
  'stale',
  'clog',
  'isolate',
  'split',
  'oneWay',
  'bridge',
  'ring',
  'chain',
  'twoLeaf',
  'flap',
  'crash',
  'crashInTurn',
  'crashAll',
  'gracefulRestart',
  'pause',
  'suspend',
  'slowNode',
  'writeError',
  'commitUnknown',
  'diskStall',
  'diskFull',
  'slowDisk',
  'clockDrift',
  'wallJump',
  'tinyBatches',
  'clientDuplicate',
  'clientPause',
  'shortTimeout',
  'burst',
  'compaction',
  'smallCheckpoints',
  'corruptEntry',
  'transfer',
  'membership',
  'wipeRejoin',
  'amnesia',
  'bitRot',
  'astray',
] as const;
export type FaultClass = (typeof FAULT_CLASSES)[number];

/** Nodes come back from these by beginning anew. */
const OF_NODES_THAT_BEGIN_ANEW: readonly FaultClass[] = ['amnesia', 'bitRot', 'astray'];

/** Whether the nodes look at who the stores of the others are, and begin anew when they have lost something. */
export function nodesBeginAnew({ profile, faults }: Pick<SimulationPlan, 'profile' | 'faults'>): boolean {
  return profile === 'stores' || OF_NODES_THAT_BEGIN_ANEW.some((name) => faults[name] !== undefined);
}

export const PROFILES = ['swarm', 'stores', 'calm', 'benchmark', 'network', 'disk', 'process', 'membership'] as const;
export type Profile = (typeof PROFILES)[number];

/** Classes that a profile draws from; `stores` draws from all. */
const CLASSES_OF: Readonly<Record<Profile, readonly FaultClass[]>> = {
  // In these runs no node looks at who the stores of the others are: what only such nodes survive is asked for by name.
  swarm: FAULT_CLASSES.filter((name) => !OF_NODES_THAT_BEGIN_ANEW.includes(name)),
  stores: FAULT_CLASSES,
  calm: [],
  benchmark: [],
  network: [
    'drop',
    'duplicate',
    'delay',
    'reorder',
    'stale',
    'clog',
    'isolate',
    'split',
    'oneWay',
    'bridge',
    'ring',
    'chain',
    'twoLeaf',
    'flap',
  ],
  disk: [
    'writeError',
    'commitUnknown',
    'diskStall',
    'diskFull',
    'slowDisk',
    'crash',
    'crashInTurn',
    'tinyBatches',
    'smallCheckpoints',
    'corruptEntry',
  ],
  process: [
    'crash',
    'crashInTurn',
    'crashAll',
    'gracefulRestart',
    'pause',
    'suspend',
    'slowNode',
    'clockDrift',
    'wallJump',
    'transfer',
  ],
  membership: [
    'membership',
    'wipeRejoin',
    'transfer',
    'corruptEntry',
    'smallCheckpoints',
    'drop',
    'delay',
    'isolate',
    'split',
    'crash',
    'crashInTurn',
    'gracefulRestart',
    'pause',
  ],
};

/** How often nodes save their state, and how much of the log they keep behind it. */
export type CheckpointPlan = { readonly everyEntries: number; readonly trailingEntries: number };

/** What a run is, entirely: the same plan gives the same run. */
export type SimulationPlan = {
  readonly seed: number;
  readonly profile: Profile;
  /** Members at the beginning. */
  readonly nodeCount: number;
  /** Machines that may become members later. */
  readonly spareCount: number;
  /** Null: the log is kept for ever. */
  readonly checkpoints: CheckpointPlan | null;
  /** Virtual length of the phase with faults. */
  readonly safetyMs: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly clientCount: number;
  readonly lockClientCount: number;
  readonly keyCount: number;
  readonly lockCount: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  readonly leaseTtlMs: number;
  /** Intensity, in (0, 1], of every fault class that is on. */
  readonly faults: Readonly<Partial<Record<FaultClass, number>>>;
  readonly hasLyingDisks: boolean | 'checkpoints';
  /** As the options said; for the command that runs it again. */
  readonly without: readonly FaultClass[];
  readonly including: readonly FaultClass[];
};

export type PlanOptions = {
  readonly seed: number;
  readonly seconds?: number;
  readonly profile?: Profile;
  /** Classes left out, whatever the seed says. */
  readonly without?: readonly FaultClass[];
  /** Classes that are on, whatever the seed says. */
  readonly including?: readonly FaultClass[];
  /** Disks that call durable what they have not written, of all or of checkpoints: must be noticed. Never part of a fair run. */
  readonly hasLyingDisks?: boolean | 'checkpoints';
};

export const DEFAULT_SECONDS = 30;
const MAX_TRAILING_ENTRIES = 100;
const BENCHMARK_OPERATIONS_PER_SECOND = 50;
const BENCHMARK_CLIENTS = 10;

/** Each class is on with probability one half, with an intensity of its own (swarm testing). */
export function planFor({
  seed,
  seconds = DEFAULT_SECONDS,
  profile = 'swarm',
  without = [],
  including = [],
  hasLyingDisks = false,
}: PlanOptions): SimulationPlan {
  const random = new Random(seed, 'plan');
  const faults: Partial<Record<FaultClass, number>> = {};
  // Some runs are wild, most leave the clients time to get somewhere between two faults.
  const wildness = random.pick([0.1, 0.3, 1]);
  for (const name of FAULT_CLASSES) {
    // A stream for each, so that a new class changes no run that does without it.
    const own = new Random(seed, `fault ${name}`);
    const [isOn, intensity] = [own.chance(0.5), wildness * own.between(0.05, 1)];
    const isDrawn = isOn && CLASSES_OF[profile].includes(name);
    if ((isDrawn || including.includes(name)) && !without.includes(name)) faults[name] = intensity;
  }
  const electionTimeoutMs = random.pick([150, 300, 500, 1_000]);
  const nodeCount = random.pick([3, 3, 5, 5, 5, 7]);
  const drawn = {
    nodeCount,
    spareCount: spareCountFor(seed, nodeCount, faults),
    checkpoints: checkpointsFor(seed, faults),
    electionTimeoutMs,
    heartbeatIntervalMs: electionTimeoutMs / random.integer(3, 6),
    clientCount: random.integer(2, 6),
    lockClientCount: random.integer(1, 5),
    keyCount: random.integer(1, 8),
    lockCount: random.integer(1, 3),
    thinkMs: random.pick([10, 20, 50, 100]),
    leaseTtlMs: random.pick([1_000, 2_000, 5_000]),
  };
  const plan = { seed, profile, safetyMs: seconds * 1_000, ...drawn, faults, hasLyingDisks, without, including };
  return profile === 'benchmark' ? { ...plan, ...benchmark() } : plan;
}

function checkpointsFor(seed: number, { smallCheckpoints }: SimulationPlan['faults']): CheckpointPlan | null {
  const random = new Random(seed, 'checkpoints');
  if (smallCheckpoints !== undefined) {
    const trailingEntries = random.chance(0.7) ? random.integer(0, 3) : random.integer(0, MAX_TRAILING_ENTRIES);
    return { everyEntries: logUniform(random, 3, 100), trailingEntries };
  }
  if (random.chance(0.15)) return null;
  return { everyEntries: logUniform(random, 100, 1_000), trailingEntries: random.integer(0, MAX_TRAILING_ENTRIES) };
}

function spareCountFor(seed: number, nodeCount: number, { membership, wipeRejoin }: SimulationPlan['faults']): number {
  const room = MAX_VOTERS - nodeCount;
  if (room === 0 || (membership === undefined && wipeRejoin === undefined)) return 0;
  return new Random(seed, 'spares').integer(1, room);
}

function logUniform(random: Random, min: number, max: number): number {
  return Math.round(min * (max / min) ** random.next());
}

/** Five nodes and 50 client operations per second: what the speed of the simulator is measured with. */
function benchmark(): Partial<SimulationPlan> {
  return {
    nodeCount: 5,
    checkpoints: { everyEntries: 500, trailingEntries: MAX_TRAILING_ENTRIES },
    electionTimeoutMs: 500,
    heartbeatIntervalMs: 100,
    clientCount: BENCHMARK_CLIENTS,
    lockClientCount: 0,
    keyCount: 8,
    thinkMs: (BENCHMARK_CLIENTS * 1_000) / BENCHMARK_OPERATIONS_PER_SECOND,
    leaseTtlMs: 5_000,
  };
}
