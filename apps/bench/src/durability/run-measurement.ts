import { writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { ProcessCluster } from '../cluster/process-cluster.js';
import { describeMachine, isMemoryFolder, type Machine } from '../comparison/machine.js';
import { ResultSheet, type Goal } from './result-sheet.js';

export type Measurement = {
  /** The command and its options, for the result file. */
  readonly command: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where the result goes as JSON; absent: nowhere. */
  readonly json?: string;
  readonly measure: (sheet: ResultSheet) => Promise<void>;
};

/** The content of a result file. */
export type MeasurementResult = {
  readonly command: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  /** All goals met, and nothing failed on the way. */
  readonly isPassed: boolean;
  /** What it failed with; null when it came to its end. */
  readonly error: string | null;
  readonly goals: readonly Goal[];
  readonly facts: Readonly<Record<string, unknown>>;
};

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** As shells tell an end by a signal. */
const SIGNAL_EXIT_BASE = 128;

/**
 * Runs a measurement to its end and writes its result, also that of one that fails. Stopped by a signal it ends its
 * processes, removes their data, writes nothing, and ends this process.
 * @returns whether all goals were met
 */
export async function runMeasurement({ command, options, json, measure }: Measurement): Promise<boolean> {
  const [startedAt, startMs, machine] = [new Date().toISOString(), performance.now(), describeMachine()];
  const sheet = new ResultSheet();
  if (await isMemoryFolder(tmpdir())) throw new Error(`${tmpdir()} is in memory: set TMPDIR to a directory on a disk`);
  const ending = endWhenStopped();
  const error = await failureOf(measure(sheet));
  // The measurement has only failed because its processes were ended; the other one ends this process.
  if (ending.hasBegun) await new Promise(() => undefined);
  const isPassed = error === null && sheet.allMet;
  if (error !== null) console.error(`FAILED: ${error}`);
  const seconds = (performance.now() - startMs) / 1000;
  const { goals, facts } = sheet;
  const result: MeasurementResult = {
    command,
    options,
    startedAt,
    seconds,
    machine,
    isPassed,
    error,
    goals,
    facts,
  };
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
    console.log(`written: ${json}`);
  }
  console.log(isPassed ? 'passed' : 'NOT PASSED');
  return isPassed;
}

async function failureOf(measuring: Promise<void>): Promise<string | null> {
  try {
    await measuring;
    return null;
  } catch (error) {
    return error instanceof Error ? withCauses(error) : String(error);
  }
}

/** From the first signal on: ends all processes of measurements, removes their data, and then ends this process. */
function endWhenStopped(): { readonly hasBegun: boolean } {
  const ending = { hasBegun: false };
  const end = (signal: (typeof ENDING_SIGNALS)[number]) => {
    if (ending.hasBegun) return;
    ending.hasBegun = true;
    console.error(`${signal}: ends the nodes and their databases`);
    const exit = () => process.exit(SIGNAL_EXIT_BASE + constants.signals[signal]);
    ProcessCluster.endAll().then(exit, (error: unknown) => {
      console.error(error);
      exit();
    });
  };
  // Not `once`: a second signal would end this process in the middle of that.
  for (const signal of ENDING_SIGNALS) process.on(signal, end);
  return ending;
}

function withCauses(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${withCauses(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
