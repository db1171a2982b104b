import type { Command } from 'commander';
import type { Leadership } from '@latchkey/sdk';
import { listenForInterrupt } from '../client/interrupt.js';
import { withClient } from '../client/with-client.js';
import { CliError, messageOf } from '../cli-error.js';
import { parseDurationMs } from '../duration.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { aborted } from '../supervisor/stop-signals.js';
import { globalOptions } from './global-options.js';
import { parseValue } from './json-value.js';

type ElectFlags = { readonly ttl: string; readonly wait?: string };

export function addElectCommand(program: Command, output: Output): void {
  program
    .command('elect')
    .argument('<name>', 'of the election')
    .argument('<value>', 'what observers shall see: JSON or text')
    .option('--ttl <duration>', 'how long leadership outlives this process at most', '10s')
    .option('--wait <duration>', 'how long to be a candidate; without it, as long as it takes')
    .summary('stand for leader and lead until Ctrl-C')
    .description('Stands for leader, and leads until Ctrl-C. Exits with 6 when leadership is lost.')
    .action(async (name: string, text: string, flags: ElectFlags, command: Command) => {
      const options = globalOptions(command);
      const value = parseValue(text, false);
      const sessionTtlMs = parseDurationMs(flags.ttl);
      const wait = flags.wait === undefined ? {} : { waitMs: parseDurationMs(flags.wait) };
      const interrupt = listenForInterrupt();
      try {
        await withClient(
          options,
          async (latchkey) => {
            if (!options.json) output.note(`standing for leader of ${name}`);
            const leadership = await latchkey.election(name).campaign(value, { ...wait, signal: interrupt.signal });
            const { fencingToken } = leadership;
            if (options.json) output.json({ event: 'elected', name, value, fencingToken });
            else output.line(`elected leader of ${name}, fencing token ${fencingToken}; Ctrl-C resigns`);
            await leadUntil(leadership, interrupt.signal);
            if (options.json) output.json({ event: 'resigned', name });
            else output.line(`resigned from ${name}`);
          },
          { sessionTtlMs, signal: interrupt.signal },
        );
      } catch (error) {
        const exitCode = interrupt.exitCode();
        if (exitCode === null || error instanceof CliError) throw error;
        output.exitWith(exitCode);
      } finally {
        interrupt.stopListening();
      }
    });
}

/** @throws CliError (lost) when leadership ends before the interrupt */
async function leadUntil(leadership: Leadership, interrupted: AbortSignal): Promise<void> {
  await Promise.race([aborted(interrupted), aborted(leadership.signal)]);
  if (leadership.signal.aborted) {
    throw new CliError(EXIT_CODE.lost, `lost leadership of ${leadership.name}: ${messageOf(leadership.signal.reason)}`);
  }
  await leadership.resign();
}
