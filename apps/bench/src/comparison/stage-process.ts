import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { SystemName } from '../peers/system.js';
import type { ComparisonSettings } from './comparison-settings.js';
import type { Sample } from './quantity.js';
import type { StageListener } from './stage-run.js';
import type { Stage } from './workload.js';

/** The sub-command that a stage's process runs. */
export const STAGE_COMMAND = 'compare-stage';

/** What a stage's process is to do; travels as JSON. */
export type StagePlan = {
  readonly system: SystemName;
  readonly stage: Stage;
  /** Names; null: all that the mode has. */
  readonly only: readonly string[] | null;
  readonly quick: boolean;
  readonly settings: ComparisonSettings;
  readonly dataFolder: string;
};

export type StageMessage =
  | { readonly type: 'measured'; readonly samples: readonly Sample[] }
  | { readonly type: 'failed'; readonly workload: string; readonly message: string };

/**
 * Runs one stage on one system in a process of its own, so that no system's client, compiled code or garbage weighs on the next.
 * Resolves when that process has ended and its servers with it.
 */
export async function runStageProcess(plan: StagePlan, listener: StageListener): Promise<void> {
  const [, entry = ''] = process.argv;
  const child = fork(entry, [STAGE_COMMAND, JSON.stringify(plan)]);
  child.on('message', (message: StageMessage) => {
    if (message.type === 'measured') listener.measured(message.samples);
    else listener.failed(message.workload, message.message);
  });
  // An interrupt reaches the stage as well, and it needs a moment to stop its servers: this process ends after it.
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', forward).off('SIGTERM', forward);
  if (code === INTERRUPTED_EXIT_CODE) process.exit(INTERRUPTED_EXIT_CODE);
  if (code !== 0) listener.failed(plan.stage, `its process ended with ${code ?? 'a signal'}`);
}

/** As shells have it for a program that Ctrl-C has ended. */
export const INTERRUPTED_EXIT_CODE = 130;
