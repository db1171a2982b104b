import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Latchkey, Lock } from '@latchkey/sdk';
import { listenForInterrupt } from '../client/interrupt.js';
import { withClient } from '../client/with-client.js';
import { CliError, messageOf } from '../cli-error.js';
import { formatDuration, parseDurationMs } from '../duration.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { globalOptions } from './global-options.js';
import { runGuarded } from './guarded-command.js';

/** Whoever waits longer than this is told for whom. */
const SAY_WHO_HOLDS_IT_MS = 1_000;

type LockFlags = { readonly ttl: string; readonly wait?: string; readonly killAfter: string };

export function addLockCommand(program: Command, output: Output): void {
  program
    .command('lock')
    .argument('<name>', 'of the lock')
    .argument('<command...>', 'what to run while it is held, after "--"')
    .option('--ttl <duration>', 'how long the lock outlives this process at most', '10s')
    .option('--wait <duration>', 'how long to wait for it (0s: not at all); without it, as long as it takes')
    .option('--kill-after <duration>', 'when the lock is lost: from SIGTERM to SIGKILL', '1s')
    .summary('run a command while holding a lock')
    .description(
      'Runs a command while holding a lock, and exits with its status. The command finds LATCHKEY_FENCING_TOKEN and ' +
        'LATCHKEY_LOCK_NAME in its environment, and is stopped when the lock is lost (exit code 6). ' +
        'Exits with 4 when the lock is not free in time.',
    )
    .usage('<name> [options] -- <command...>')
    .action(async (name: string, words: readonly string[], flags: LockFlags, command: Command) => {
      const options = globalOptions(command);
      const sessionTtlMs = parseDurationMs(flags.ttl);
      const wait = flags.wait === undefined ? {} : { waitMs: parseDurationMs(flags.wait) };
      const killAfterMs = parseDurationMs(flags.killAfter);
      const interrupt = listenForInterrupt();
      try {
        const status = await withClient(
          options,
          async (latchkey) => {
            const told = tellWhoHoldsIt(latchkey, name, output);
            const owner = { host: hostname(), user: userName(), pid: process.pid, command: words.join(' ') };
            const handle = latchkey.lock(name);
            const lock = await handle.acquire({ ...wait, owner, signal: interrupt.signal }).finally(told.stop);
            // From here on signals are the command's business.
            interrupt.stopListening();
            return runHolding(lock, words, killAfterMs);
          },
          { sessionTtlMs, signal: interrupt.signal },
        );
        output.exitWith(status);
      } catch (error) {
        const exitCode = interrupt.exitCode();
        if (exitCode === null || error instanceof CliError) throw error;
        output.exitWith(exitCode);
      } finally {
        interrupt.stopListening();
      }
    });
}

async function runHolding(lock: Lock, words: readonly string[], killAfterMs: number): Promise<number> {
  const [command = '', ...args] = words;
  const environment = {
    ...process.env,
    LATCHKEY_FENCING_TOKEN: String(lock.fencingToken),
    LATCHKEY_LOCK_NAME: lock.name,
  };
  try {
    const status = await runGuarded({ command, args, environment, lost: lock.signal, killAfterMs });
    if (lock.signal.aborted) {
      throw new CliError(
        EXIT_CODE.lost,
        `lost the lock ${lock.name}, stopped the command: ${messageOf(lock.signal.reason)}`,
      );
    }
    return status;
  } finally {
    // Its status must not be hidden by a release that cannot be confirmed: the session ends with this process anyway.
    await lock[Symbol.asyncDispose]();
  }
}

function tellWhoHoldsIt(latchkey: Latchkey, name: string, output: Output): { readonly stop: () => void } {
  let over = false;
  const tell = async (): Promise<void> => {
    const holder = (await latchkey.lock(name).inspect()).holders[0];
    if (over || holder === undefined) return;
    const who = holder.owner === null ? `lease ${holder.lease}` : JSON.stringify(holder.owner);
    output.note(`latchkey: waiting for ${name}, held by ${who} for ${formatDuration(holder.sinceMs)}`);
  };
  const timer = setTimeout(() => void tell().catch(() => undefined), SAY_WHO_HOLDS_IT_MS);
  return {
    stop: () => {
      over = true;
      clearTimeout(timer);
    },
  };
}

/** A container may run as a user without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
