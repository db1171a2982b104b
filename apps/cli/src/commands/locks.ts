import type { WireLock } from '@latchkey/contracts';
import type { Command } from 'commander';
import { withClient } from '../client/with-client.js';
import { formatDuration } from '../duration.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { globalOptions } from './global-options.js';

type Line = {
  readonly lock: string;
  readonly state: string;
  readonly fencingToken: number | null;
  readonly forMs: number;
  readonly owner: unknown;
  readonly lease: string;
};

export function addLocksCommand(program: Command, output: Output): void {
  program
    .command('locks')
    .argument('[name]', 'one lock; without it, all that are held or waited for')
    .option('--prefix <prefix>', 'only locks whose name begins so', '')
    .summary('show who holds and who waits')
    .description('Shows who holds which lock and who waits for it.')
    .action(async (name: string | undefined, { prefix }: { readonly prefix: string }, command: Command) => {
      const options = globalOptions(command);
      const locks = await withClient(options, async (latchkey) =>
        name === undefined ? latchkey.locks(prefix) : [await latchkey.lock(name).inspect()],
      );
      if (options.json) return output.json(name === undefined ? { locks } : (locks[0] ?? null));
      const lines = locks.flatMap(linesOf);
      if (lines.length === 0) return output.line(name === undefined ? 'no locks' : `${name} is free`);
      output.line(locksTable(lines));
    });
}

function linesOf(lock: WireLock): readonly Line[] {
  const holders = lock.holders.map(({ fencingToken, sinceMs, owner, lease }) => {
    return { lock: lock.name, state: 'held', fencingToken, forMs: sinceMs, owner, lease };
  });
  const waiters = lock.queue.map(({ position, waitedMs, owner, lease }) => {
    return { lock: lock.name, state: `waits, place ${position}`, fencingToken: null, forMs: waitedMs, owner, lease };
  });
  return [...holders, ...waiters];
}

function locksTable(lines: readonly Line[]): string {
  return formatTable<Line>(
    [
      { heading: 'LOCK', cell: (line) => line.lock },
      { heading: 'STATE', cell: (line) => line.state },
      { heading: 'FOR', cell: (line) => formatDuration(line.forMs), align: 'right' },
      { heading: 'TOKEN', cell: (line) => String(line.fencingToken ?? '-'), align: 'right' },
      { heading: 'LEASE', cell: (line) => line.lease },
      { heading: 'OWNER', cell: (line) => (line.owner === null ? '-' : JSON.stringify(line.owner)) },
    ],
    lines,
  );
}
