import type { NodeId } from '@latchkey/raft';
import type { LossNotice } from '../network/simulated-network.js';
import type { FaultClass } from '../plan.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';

const MAX_DROP_RATE = 0.3;
const MAX_DUPLICATE_RATE = 0.5;
const MAX_MEAN_DELAY_MS = 100;
const SLOW_SHARE = 0.1;
const FLAP_TIMES_MAX = 10;

/** Sets how the network behaves for the whole phase. */
export function applyNetworkBehaviour(world: World, random: Random): void {
  const { drop, duplicate, delay, reorder, stale } = world.plan.faults;
  const calm = world.calmNetwork();
  const isBimodal = random.chance(0.5);
  const meanMs = MAX_MEAN_DELAY_MS * (delay ?? 0);
  const slowMs = (): number => (isBimodal ? (random.chance(SLOW_SHARE) ? 10 * meanMs : 0) : random.exponential(meanMs));
  world.behaviour = {
    ...calm,
    latencyMs: delay === undefined ? calm.latencyMs : () => calm.latencyMs() + slowMs(),
    dropRate: MAX_DROP_RATE * (drop ?? 0),
    duplicateRate: MAX_DUPLICATE_RATE * (duplicate ?? 0),
    reorders: reorder !== undefined,
    deliversStale: stale !== undefined,
  };
}

type Direction = { readonly from: NodeId; readonly to: NodeId };

/** The directions that a partition of this kind cuts among `ids`, in an order of nodes that chance has chosen. */
export function cutDirections(kind: FaultClass, ids: readonly NodeId[], random: Random): Direction[] {
  const nodes = random.shuffled(ids);
  const all = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
  const placeOf = new Map(nodes.map((node, place) => [node, place]));
  const place = (node: NodeId): number => placeOf.get(node) ?? 0;
  const half = Math.floor(nodes.length / 2);
  switch (kind) {
    case 'isolate':
      return all.filter(({ from, to }) => (place(from) === 0) !== (place(to) === 0));
    case 'split': {
      const size = random.integer(1, nodes.length - 1);
      return all.filter(({ from, to }) => place(from) < size !== place(to) < size);
    }
    case 'oneWay': {
      const size = random.integer(1, half);
      return all.filter(({ from, to }) => place(from) < size && place(to) >= size);
    }
    // Two halves that only the first node connects.
    case 'bridge':
      return all.filter(
        ({ from, to }) => place(from) > 0 && place(to) > 0 && place(from) <= half !== place(to) <= half,
      );
    // Everybody hears its two neighbours only.
    case 'ring':
      return all.filter(({ from, to }) => {
        const distance = Math.abs(place(from) - place(to));
        return distance > 1 && distance < nodes.length - 1;
      });
    // A line: everybody hears the one before and the one after.
    case 'chain':
      return all.filter(({ from, to }) => Math.abs(place(from) - place(to)) > 1);
    // Two hear one node each and nobody else; the rest hear each other.
    case 'twoLeaf': {
      const hubs = [2, Math.min(3, nodes.length - 1)];
      const isCut = (leaf: number, other: number): boolean => leaf < 2 && other !== hubs[leaf];
      return all.filter(({ from, to }) => isCut(place(from), place(to)) || isCut(place(to), place(from)));
    }
    case 'flap':
      return all.filter(({ from, to }) => place(from) + place(to) === 1);
    default:
      return [];
  }
}

/** Cuts the directions for `durationMs`; `flap` does so many times in a row. */
export function partition(world: World, random: Random, kind: FaultClass, durationMs: number): void {
  const directions = cutDirections(kind, world.network.nodes, random);
  const notice = random.chance(0.5) ? 'atOnce' : 'whenSilent';
  const times = kind === 'flap' ? random.integer(2, FLAP_TIMES_MAX) : 1;
  const eachMs = durationMs / times;
  world.trace.note(world.nowMs, null, kind, { first: durationMs, detail: `noticed ${notice}` });
  // What was begun before faults ended must not open a link that is cut for good since.
  const set = (isBlocked: boolean): void => {
    if (!world.areFaultsOver) setAll(world, directions, isBlocked, notice);
  };
  for (let time = 0; time < times; time += 1) {
    const startMs = world.nowMs + time * eachMs;
    world.queue.schedule(startMs, () => set(true));
    world.queue.schedule(startMs + eachMs * (times === 1 ? 1 : 0.5), () => set(false));
  }
}

/** Among these nodes, until all links are healed. */
export function cutForGood(world: World, random: Random, kind: FaultClass, nodes: readonly NodeId[]): void {
  setAll(world, cutDirections(kind, nodes, random), true, random.pick(['atOnce', 'whenSilent', 'never']));
}

/** Nothing reaches `node` any more, while everybody goes on hearing it. */
export function deafen(world: World, node: NodeId): void {
  const directions = world.network.nodes.filter((from) => from !== node).map((from) => ({ from, to: node }));
  setAll(world, directions, true, 'never');
}

function setAll(world: World, directions: readonly Direction[], isBlocked: boolean, notice: LossNotice): void {
  for (const direction of directions) world.network.setBlocked(direction, isBlocked, notice);
}
