import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { CliError, messageOf, systemErrorCode } from '../cli-error.js';
import { EXIT_CODE, SIGNAL_EXIT_BASE } from '../exit-code.js';

const PASSED_ON: readonly NodeJS.Signals[] = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR2',
  'SIGCONT',
  'SIGWINCH',
];

export type GuardedCommand = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts when the command must not go on. */
  readonly lost: AbortSignal;
  /** Between SIGTERM and SIGKILL. */
  readonly killAfterMs: number;
};

/**
 * Runs a command in a process group of its own, so that all of it can be stopped, and hands signals on to it.
 * When the lock is lost the group gets SIGTERM, and SIGKILL a little later.
 * @returns the command's exit status, 128 + n after signal n
 * @throws CliError when it cannot be run
 */
export async function runGuarded(guarded: GuardedCommand): Promise<number> {
  const child = spawn(guarded.command, guarded.args, { env: guarded.environment, stdio: 'inherit', detached: true });
  const ended = exitStatus(child, guarded.command);
  const passOn = (signal: NodeJS.Signals): void => signalGroup(child, signal);
  // Stopping only this process would leave the command running while nobody renews its lock.
  const ignoreStop = (): void => undefined;
  for (const signal of PASSED_ON) process.on(signal, passOn);
  process.on('SIGTSTP', ignoreStop);
  let killTimer: NodeJS.Timeout | null = null;
  const stop = (): void => {
    signalGroup(child, 'SIGTERM');
    signalGroup(child, 'SIGCONT');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), guarded.killAfterMs);
  };
  if (guarded.lost.aborted) stop();
  else guarded.lost.addEventListener('abort', stop, { once: true });
  try {
    return await ended;
  } finally {
    // What the command started may outlive it, but not the lock.
    if (guarded.lost.aborted) signalGroup(child, 'SIGKILL');
    if (killTimer !== null) clearTimeout(killTimer);
    guarded.lost.removeEventListener('abort', stop);
    for (const signal of PASSED_ON) process.off(signal, passOn);
    process.off('SIGTSTP', ignoreStop);
  }
}

function exitStatus(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const missing = systemErrorCode(error) === 'ENOENT';
      const exitCode = missing ? EXIT_CODE.commandNotFound : EXIT_CODE.notExecutable;
      reject(
        new CliError(
          exitCode,
          missing ? `there is no command "${command}"` : `cannot run "${command}": ${messageOf(error)}`,
        ),
      );
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? SIGNAL_EXIT_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}
