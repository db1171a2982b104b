import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

const STOP_LIMIT_MS = 15_000;
const LOG_TAIL_LENGTH = 2_000;

export type ProcessStart = {
  readonly command: string;
  readonly arguments: readonly string[];
  /** stdout and stderr are appended to it. */
  readonly logFile: string;
  /** Asks it to end; SIGTERM unless the program wants another. */
  readonly stopSignal?: NodeJS.Signals;
};

/** A server process that was started here and that nobody else stops. */
export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #startError: Error | null = null;

  constructor(private readonly start: ProcessStart) {
    const log = openSync(start.logFile, 'a');
    // The end of its stdin is how `latchkey up` notices that this process has died.
    this.#child = spawn(start.command, start.arguments, { stdio: ['pipe', log, log] });
    closeSync(log);
    this.#exited = once(this.#child, 'exit').catch((error: unknown) => {
      this.#startError = error instanceof Error ? error : new Error(String(error));
    });
  }

  /** @throws when it could not be started */
  get pid(): number {
    if (this.#child.pid === undefined) throw this.#startError ?? new Error(`${this.start.command} did not start`);
    return this.#child.pid;
  }

  get runs(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @throws with the end of its log when it has ended */
  assertRuns(): void {
    if (!this.runs) throw new Error(`${this.start.command} has ended: ${this.logTail()}`);
  }

  /** Asks it to end, and kills it when it has not after a while (a stopped process does not hear the asking). */
  async stop(): Promise<void> {
    if (!this.runs) return;
    this.#child.kill('SIGCONT');
    this.#child.kill(this.start.stopSignal ?? 'SIGTERM');
    const killLater = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(killLater);
  }

  async kill(): Promise<void> {
    if (!this.runs) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  private logTail(): string {
    return readFileSync(this.start.logFile, 'utf8').slice(-LOG_TAIL_LENGTH);
  }
}
