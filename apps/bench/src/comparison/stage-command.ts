import { Command } from 'commander';
import { ALL_SYSTEMS } from '../peers/all-systems.js';
import { INTERRUPTED_EXIT_CODE, STAGE_COMMAND, type StageMessage, type StagePlan } from './stage-process.js';
import { StageRun } from './stage-run.js';
import { selectWorkloads } from './workloads/all-workloads.js';

/** What `compare` starts for each stage of each system; of no use by itself. */
export function stageCommand(): Command {
  return new Command(STAGE_COMMAND).argument('<plan>').action(async (words: string) => {
    // Written by runStageProcess of the same build.
    const plan = JSON.parse(words) as StagePlan;
    await runStage(plan);
    await lastTold;
    // Clients of some peers go on for ever to look for servers that are gone.
    process.exit(0);
  });
}

async function runStage({ system: name, stage, only, quick, settings, dataFolder }: StagePlan): Promise<void> {
  const system = ALL_SYSTEMS[name];
  const run = new StageRun(
    { system, settings, dataFolder },
    {
      measured: (samples) => tell({ type: 'measured', samples }),
      failed: (workload, message) => tell({ type: 'failed', workload, message }),
    },
  );
  const leave = (exitCode: number) => void run.abandon().finally(() => process.exit(exitCode));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leave(INTERRUPTED_EXIT_CODE));
  // Also when the parent is gone, and when a client library throws where nobody can catch: no server stays behind.
  process.once('disconnect', () => leave(1));
  process.once('uncaughtException', (error) => {
    console.error(error);
    leave(1);
  });
  await run.run(
    selectWorkloads({ only, quick }).filter(
      (workload) => workload.stage === stage && workload.needs.every((ability) => system.abilities.includes(ability)),
    ),
  );
}

/** Resolves when the parent has all messages: they would be lost if this process ended before. */
let lastTold: Promise<unknown> = Promise.resolve();

function tell(message: StageMessage): void {
  lastTold = new Promise((resolve) => process.send?.(message, undefined, undefined, resolve));
}
