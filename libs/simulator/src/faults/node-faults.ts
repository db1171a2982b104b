import type { SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';

const PORT_CALLS_MAX = 40;
const SLOW_TURN_MS_MAX = 60;
const ERROR_RATE_MAX = 0.05;
const LIE_RATE = 0.05;
/** There are fewer of them. */
const CHECKPOINT_LIE_RATE = 0.3;
const WALL_JUMP_MS_MAX = 3_600_000;

/** Sets how disks behave for the whole phase. */
export function applyDiskBehaviour(world: World): void {
  const { faults, hasLyingDisks } = world.plan;
  const { writeError, commitUnknown } = faults;
  for (const { disk } of world.nodes) {
    disk.health.errorRate = ERROR_RATE_MAX * (writeError ?? 0);
    disk.health.liesAboutLog = hasLyingDisks === true;
    disk.health.lieRate = hasLyingDisks === false ? 0 : hasLyingDisks === true ? LIE_RATE : CHECKPOINT_LIE_RATE;
    disk.health.unknownRate = ERROR_RATE_MAX * (commitUnknown ?? 0);
  }
}

export function crash(node: SimulatedNode, random: Random): void {
  node.crash({ peersLearn: random.chance(0.7) });
}

/** In the middle of a turn: after one of the next calls of a port. */
export function crashInTurn(node: SimulatedNode, random: Random): void {
  node.life?.process.crashAfterPortCalls(random.integer(1, PORT_CALLS_MAX));
}

/** @param freezesClock as a suspended virtual machine: the process cannot know that time has passed */
export function pause(
  world: World,
  node: SimulatedNode,
  { durationMs, freezesClock }: { readonly durationMs: number; readonly freezesClock: boolean },
): void {
  const process = node.life?.process;
  if (process === undefined || process.paused) return;
  const pausedAtMs = world.nowMs;
  process.onResume = () => {
    if (freezesClock) node.time.lostMs += world.nowMs - pausedAtMs;
  };
  world.note(node, freezesClock ? 'suspend' : 'pause', `${Math.round(durationMs)} ms`);
  process.pause();
  world.queue.schedule(world.nowMs + durationMs, () => {
    // Another process may run there by now, whose clock goes on.
    if (process.paused && node.life?.process === process) process.resume();
  });
}

/** Every turn waits for the CPU. */
export function slowDown(world: World, random: Random, node: SimulatedNode, durationMs: number): void {
  const usual = node.time.turnDelayMs;
  const slowMs = random.between(1, SLOW_TURN_MS_MAX);
  const slow = (): number => random.between(0, slowMs);
  world.note(node, 'slowNode', `${Math.round(durationMs)} ms`);
  node.time.turnDelayMs = slow;
  world.queue.schedule(world.nowMs + durationMs, () => {
    if (node.time.turnDelayMs === slow) node.time.turnDelayMs = usual;
  });
}

export function stallDisk(world: World, node: SimulatedNode, durationMs: number): void {
  world.note(node, 'diskStall', `${Math.round(durationMs)} ms`);
  node.disk.health.stalledUntilMs = world.nowMs + durationMs;
}

export function fillDisk(world: World, node: SimulatedNode, durationMs: number): void {
  world.note(node, 'diskFull', `${Math.round(durationMs)} ms`);
  node.disk.health.fullUntilMs = world.nowMs + durationMs;
}

export function jumpWallClock(world: World, random: Random, node: SimulatedNode): void {
  world.note(node, 'wallJump');
  node.time.wallOffsetMs = random.between(-WALL_JUMP_MS_MAX, WALL_JUMP_MS_MAX);
}
