import { parseArgs } from 'node:util';
import { FAULT_CLASSES, PROFILES, type FaultClass, type PlanOptions } from '../plan.js';

export const USAGE = `simulate: runs a cluster in virtual time, with faults by seed, and checks every promise.

  --seed N           one run
  --seeds A..B       many runs, both ends included; goes on after a failure
  --jobs N           in so many processes; what they say is printed in the order of seeds
  --low-priority     leaves the cores to whoever else wants them
  --seconds S        virtual length of the phase with faults
  --profile P        ${PROFILES.join(', ')}
  --without A,B      leaves these fault classes out
  --stop             ends after the first failure
  --including A,B    these fault classes are on
  --shrink           for a seed that fails: leaves out what the failure does not need
  --trace            prints every line of the trace
  --json             one JSON line per run`;

export type SimulateArguments = {
  readonly firstSeed: number;
  readonly lastSeed: number;
  readonly plan: Omit<PlanOptions, 'seed'>;
  readonly printsTrace: boolean;
  readonly printsJson: boolean;
  readonly shrinks: boolean;
  readonly stopsAtFailure: boolean;
  readonly jobs: number;
  readonly hasLowPriority: boolean;
  /** A process that is told which seeds to run. */
  readonly isWorker: boolean;
};

/** Not for people. */
export const WORKER_FLAG = '--worker';

/** @throws TypeError for anything that is not as USAGE says */
export function parseArguments(words: readonly string[]): SimulateArguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: text,
      seeds: text,
      seconds: text,
      profile: text,
      without: text,
      including: text,
      trace: flag,
      json: flag,
      shrink: flag,
      stop: flag,
      jobs: text,
      'low-priority': flag,
      worker: flag,
    },
  });
  const [first, last] = (values.seeds ?? values.seed ?? '1').split('..').map(numberOf);
  if (first === undefined) throw new TypeError('--seeds A..B');
  const profile = PROFILES.find((name) => name === (values.profile ?? 'swarm'));
  if (profile === undefined) throw new TypeError(`no such profile: ${values.profile ?? ''}`);
  const without = (values.without ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map(faultClassOf);
  const including = (values.including ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map(faultClassOf);
  const seconds = values.seconds === undefined ? {} : { seconds: numberOf(values.seconds) };
  return {
    firstSeed: first,
    lastSeed: last ?? first,
    plan: { profile, without, including, ...seconds },
    printsTrace: values.trace,
    printsJson: values.json,
    shrinks: values.shrink,
    stopsAtFailure: values.stop,
    jobs: Math.max(1, numberOf(values.jobs ?? '1')),
    hasLowPriority: values['low-priority'],
    isWorker: values.worker,
  };
}

function numberOf(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) throw new TypeError(`not a number: ${text}`);
  return value;
}

function faultClassOf(text: string): FaultClass {
  const name = FAULT_CLASSES.find((candidate) => candidate === text);
  if (name === undefined) throw new TypeError(`no such fault class: ${text}`);
  return name;
}
