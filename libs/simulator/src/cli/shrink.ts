import { planFor, type FaultClass, type PlanOptions } from '../plan.js';
import { replayCommand } from '../report.js';
import { simulate } from '../simulation.js';

/** Leaves out one fault class after the other as long as the same promise breaks; tells what is left. */
export async function shrink(options: PlanOptions): Promise<string> {
  const failure = await simulate(options);
  if (failure.violation === null) return 'nothing to shrink';
  const without: FaultClass[] = [...(options.without ?? [])];
  let seconds = Math.ceil(failure.virtualMs / 1_000);
  const isKept = async (changed: PlanOptions): Promise<boolean> =>
    (await simulate(changed)).violation?.invariant === failure.violation?.invariant;
  for (const name of Object.keys(planFor(options).faults)) {
    const left = [...without, name as FaultClass]; // keys of a record by fault class
    if (await isKept({ ...options, without: left })) without.push(name as FaultClass);
  }
  while (seconds > 1 && (await isKept({ ...options, without, seconds: Math.floor(seconds / 2) }))) {
    seconds = Math.floor(seconds / 2);
  }
  const plan = planFor({ ...options, without, seconds });
  return `needs ${Object.keys(plan.faults).join(', ') || 'no faults'}: ${replayCommand(plan)}`;
}
