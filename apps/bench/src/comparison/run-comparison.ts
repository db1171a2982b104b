import type { System, SystemName } from '../peers/system.js';
import { ComparisonResults } from './comparison-results.js';
import type { ComparisonSettings } from './comparison-settings.js';
import type { Sample } from './quantity.js';
import { runStageProcess } from './stage-process.js';
import { STAGES, type Stage, type Workload } from './workload.js';
import { selectWorkloads } from './workloads/all-workloads.js';

export type ComparisonPlan = {
  readonly systems: readonly System[];
  /** Names of workloads; null: all that the mode has. */
  readonly only: readonly string[] | null;
  readonly quick: boolean;
  readonly runs: number;
  readonly settings: ComparisonSettings;
  readonly dataFolder: string;
};

export type Failure = { readonly system: SystemName; readonly workload: string; readonly message: string };

export type ComparisonListener = {
  readonly began: (system: System, stage: Stage, run: number) => void;
  readonly measured: (samples: readonly Sample[]) => void;
  readonly failed: (failure: Failure) => void;
};

/**
 * All systems one after the other, and that as often as there are runs, so that a machine that becomes slower does so for all. What
 * fails on a system is noted, and the rest goes on.
 */
export async function runComparison(
  plan: ComparisonPlan,
  listener: ComparisonListener,
): Promise<{ readonly results: ComparisonResults; readonly failures: readonly Failure[] }> {
  const results = new ComparisonResults();
  const failures: Failure[] = [];
  const { only, quick, runs, dataFolder } = plan;
  const settings = { ...plan.settings, failureRounds: Math.ceil(plan.settings.failureRounds / runs) };
  const workloads = selectWorkloads(plan);
  for (let run = 0; run < runs; run += 1) {
    for (const system of plan.systems) {
      for (const stage of STAGES.filter((one) => hasWork(workloads, one, system))) {
        listener.began(system, stage, run);
        await runStageProcess(
          { system: system.name, stage, only, quick, settings, dataFolder },
          {
            measured: (samples) => {
              results.add(system.name, samples);
              listener.measured(samples);
            },
            failed: (workload, message) => {
              const failure = { system: system.name, workload, message };
              failures.push(failure);
              listener.failed(failure);
            },
          },
        );
      }
    }
  }
  return { results, failures };
}

function hasWork(workloads: readonly Workload[], stage: Stage, { abilities }: System): boolean {
  return workloads.some(
    (workload) => workload.stage === stage && workload.needs.every((one) => abilities.includes(one)),
  );
}
