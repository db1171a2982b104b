import { fork, type ChildProcess } from 'node:child_process';
import { WORKER_FLAG, type SimulateArguments } from './arguments.js';
import { runSeed, type SeedOutcome } from './seed-run.js';

/**
 * Runs leave much garbage of a moderate age, and there is a worker for every core: threads that collect beside it would only
 * wait for each other. Errors are values to them: whoever wants a stack runs one seed alone.
 */
const NODE_FLAGS = ['--max-semi-space-size=32', '--single-threaded-gc', '--stack-trace-limit=0'];

export type SeedWorkersOptions = {
  /** The script that was started, and what it was told. */
  readonly script: string;
  readonly words: readonly string[];
  readonly jobs: number;
  /** Told of every outcome, in the order of seeds; false ends the work. */
  readonly onOutcome: (outcome: SeedOutcome) => boolean;
};

/** Runs every seed from `first` to `last` in processes of their own, each taking the next seed when it is done with one. */
export class SeedWorkers {
  private readonly outcomes = new Map<number, SeedOutcome>();
  private readonly runningSeeds = new Map<ChildProcess, number>();
  private nextSeed: number;
  private nextToTell: number;
  private isEnded = false;

  constructor(
    private readonly seeds: { readonly first: number; readonly last: number },
    private readonly options: SeedWorkersOptions,
  ) {
    this.nextSeed = seeds.first;
    this.nextToTell = seeds.first;
  }

  /** @throws Error when a worker ends before its work does */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.options.jobs }, () => this.work()));
  }

  private work(): Promise<void> {
    const { script, words } = this.options;
    const worker = fork(script, [...words, WORKER_FLAG], { execArgv: NODE_FLAGS });
    return new Promise((resolve, reject) => {
      worker.on('message', (outcome) => {
        // Only our own worker speaks on this channel.
        this.take(outcome as SeedOutcome);
        this.give(worker);
      });
      worker.on('error', reject);
      worker.on('exit', (code, signal) => {
        if (code === 0) resolve();
        else
          reject(new Error(`a worker ended with ${signal ?? code} in seed ${this.runningSeeds.get(worker) ?? 'none'}`));
      });
      this.give(worker);
    });
  }

  private give(worker: ChildProcess): void {
    if (this.isEnded || this.nextSeed > this.seeds.last) {
      worker.disconnect();
      return;
    }
    worker.send(this.nextSeed);
    this.runningSeeds.set(worker, this.nextSeed);
    this.nextSeed += 1;
  }

  private take(outcome: SeedOutcome): void {
    this.outcomes.set(outcome.seed, outcome);
    for (let next = this.outcomes.get(this.nextToTell); next !== undefined && !this.isEnded;) {
      this.outcomes.delete(this.nextToTell);
      this.nextToTell += 1;
      this.isEnded = !this.options.onOutcome(next);
      next = this.outcomes.get(this.nextToTell);
    }
  }
}

/** The other end: runs the seeds that it is sent. Ends with its parent. */
export function serveSeeds(wanted: SimulateArguments): Promise<void> {
  return new Promise((resolve, reject) => {
    process.on('message', (seed) => {
      runSeed(wanted, Number(seed)).then((outcome) => process.send?.(outcome), reject);
    });
    process.on('disconnect', resolve);
  });
}
