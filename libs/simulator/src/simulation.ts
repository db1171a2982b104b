import { checkByRevision, checkRegistersBySearch } from '@latchkey/linearizability';
import { Workload } from './clients/workload.js';
import { Nemesis } from './faults/nemesis.js';
import type { Violation } from './invariants/all-invariants.js';
import { checkLiveness } from './liveness.js';
import { planFor, type PlanOptions, type SimulationPlan } from './plan.js';
import type { TraceLine } from './world/trace.js';
import { World } from './world/world.js';

/** What came of one run. */
export type SimulationResult = {
  readonly plan: SimulationPlan;
  /** Null when every promise was kept. */
  readonly violation: Violation | null;
  /** Over everything that happened, in order. */
  readonly traceHash: string;
  readonly traceLineCount: number;
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly operationCount: number;
  readonly acknowledgedCount: number;
  readonly lockGrantCount: number;
  readonly committedIndex: number;
  /** The last things that happened. */
  readonly lastLines: readonly TraceLine[];
};

/**
 * Runs a whole cluster with its clients in virtual time: first with the faults of the plan, then without, to see whether
 * it comes back; then checks what the clients saw. The same options give the same run, to the last line of the trace.
 *
 * @example
 * const { violation } = await simulate({ seed: 42, seconds: 60 });
 */
export async function simulate(
  options: PlanOptions,
  listener: ((line: TraceLine) => void) | null = null,
): Promise<SimulationResult> {
  const plan = planFor(options);
  const world = new World(plan, listener);
  const workload = new Workload(world);
  const nemesis = new Nemesis(world);
  for (const node of world.nodes) if (node.isSupervised) node.start();
  nemesis.begin();
  workload.begin();
  await world.runUntil(plan.safetyMs);
  nemesis.stop();
  if (world.violation === null) await checkLiveness(world, workload, nemesis.operator);
  if (world.violation === null) checkDisks(world);
  if (world.violation === null) checkHistory(world, workload);
  return {
    plan,
    violation: world.violation,
    traceHash: world.trace.hash,
    traceLineCount: world.trace.lineCount,
    virtualMs: world.nowMs,
    eventCount: world.eventCount,
    operationCount: workload.history.operationCount,
    acknowledgedCount: workload.history.acknowledgedCount,
    lockGrantCount: workload.grantCount,
    committedIndex: world.committed.committedIndex,
    lastLines: world.trace.lastLines,
  };
}

function checkHistory(world: World, workload: Workload): void {
  const { history } = workload.history;
  const [first] = checkByRevision(history);
  if (first !== undefined) world.violate({ invariant: `linearizability/${first.rule}`, message: first.message });
  // A check that did not finish has not passed.
  const [finding] = checkRegistersBySearch(history.operations).findings;
  if (finding !== undefined)
    world.violate({ invariant: `linearizability/search/${finding.verdict}`, message: finding.message });
}

function checkDisks(world: World): void {
  for (const { id, disk } of world.nodes) {
    const changed = disk.image.firstChanged();
    if (changed === null) continue;
    world.violate({
      invariant: 'sharedMemory',
      message: `somebody has changed entry ${changed} in the memory of ${id}`,
    });
  }
}
