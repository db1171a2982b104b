import { readFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import type { KvEntry, PutOptions } from '@latchkey/sdk';
import { withClient } from '../client/with-client.js';
import { CliError } from '../cli-error.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { globalOptions } from './global-options.js';
import { entryJson, textOrNull } from './kv-entry-json.js';
import { addKvWatchCommand } from './kv-watch.js';
import { parseRevision } from './revision.js';

const STDIN = 0;

export function addKvCommands(program: Command, output: Output): void {
  const kv = program
    .command('kv')
    .summary('read, write and watch raw keys')
    .description('The key space under everything: keys are text, values are bytes.');
  addGet(kv, output);
  addPut(kv, output);
  addDelete(kv, output);
  addRange(kv, output);
  addKvWatchCommand(kv, output);
}

function consistencyOption(): Option {
  return new Option('--serializable', 'do not ask the leader; may be behind').default(false);
}

type ReadFlags = { readonly revision?: number; readonly serializable: boolean };

function readOptions({ revision, serializable }: ReadFlags): { revision?: number; consistency?: 'serializable' } {
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(serializable ? { consistency: 'serializable' as const } : {}),
  };
}

function addGet(kv: Command, output: Output): void {
  kv.command('get')
    .description('Prints a value as it is.')
    .argument('<key>')
    .addOption(new Option('--revision <revision>', 'as of this revision').argParser(parseRevision))
    .addOption(consistencyOption())
    .action(async (key: string, flags: ReadFlags, command: Command) => {
      const options = globalOptions(command);
      const entry = await withClient(options, (latchkey) => latchkey.kv.get(key, readOptions(flags)));
      if (entry === null) throw new CliError(EXIT_CODE.notFoundOrHeld, `there is no key ${key}`);
      if (options.json) return output.json(entryJson(entry));
      const text = textOrNull(entry.value);
      // Text gets a line end, as every command's output; bytes are left alone.
      if (text === null || text.endsWith('\n')) output.bytes(entry.value);
      else output.line(text);
    });
}

type PutFlags = { readonly lease?: string; readonly ifRevision?: number };

function addPut(kv: Command, output: Output): void {
  kv.command('put')
    .description('Writes a key.')
    .argument('<key>')
    .argument('<value>', '"-" reads it from stdin')
    .option('--lease <id>', 'the key vanishes with this lease')
    .addOption(
      new Option('--if-revision <revision>', 'only if this is its revision; 0 = only if new').argParser(parseRevision),
    )
    .action(async (key: string, value: string, flags: PutFlags, command: Command) => {
      const options = globalOptions(command);
      const bytes = value === '-' ? readFileSync(STDIN) : value;
      const conditions: PutOptions = flags;
      const { revision } = await withClient(options, (latchkey) => latchkey.kv.put(key, bytes, conditions));
      if (options.json) output.json({ key, revision });
      else output.line(`revision ${revision}`);
    });
}

function addDelete(kv: Command, output: Output): void {
  kv.command('delete')
    .description('Deletes a key, or with --prefix every key that begins so, as one revision.')
    .argument('<key>')
    .option('--prefix', 'everything that begins with <key>', false)
    .action(async (key: string, { prefix }: { readonly prefix: boolean }, command: Command) => {
      const options = globalOptions(command);
      const range = prefix ? { prefix: key } : { key };
      const { revision, deleted } = await withClient(options, (latchkey) => latchkey.kv.delete(range));
      if (deleted === 0) throw new CliError(EXIT_CODE.notFoundOrHeld, `there is no key ${key}`);
      if (options.json) output.json({ revision, deleted });
      else output.line(`deleted ${deleted} (revision ${revision})`);
    });
}

type RangeFlags = ReadFlags & { readonly limit?: number; readonly to?: string; readonly keysOnly: boolean };

function addRange(kv: Command, output: Output): void {
  kv.command('range')
    .description('Lists the keys that begin so; with --to, those from <prefix> up to and without another.')
    .argument('<prefix>')
    .option('--to <key>', 'end of the range')
    .addOption(new Option('--limit <count>', 'at most so many').argParser(parseRevision))
    .option('--keys-only', 'without values', false)
    .addOption(new Option('--revision <revision>', 'as of this revision').argParser(parseRevision))
    .addOption(consistencyOption())
    .action(async (prefix: string, flags: RangeFlags, command: Command) => {
      const options = globalOptions(command);
      const range = flags.to === undefined ? { prefix } : { from: prefix, to: flags.to };
      const result = await withClient(options, (latchkey) =>
        latchkey.kv.range(range, {
          ...readOptions(flags),
          keysOnly: flags.keysOnly,
          ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        }),
      );
      const { entries, revision, count, more } = result;
      if (options.json) return output.json({ revision, count, more, entries: entries.map(entryJson) });
      output.line(entries.length === 0 ? 'no keys' : rangeTable(entries, flags.keysOnly));
      if (more) output.note(`${entries.length} of ${count} keys; --limit shows more`);
    });
}

function rangeTable(entries: readonly KvEntry[], keysOnly: boolean): string {
  const columns = [
    { heading: 'KEY', cell: (entry: KvEntry) => entry.key },
    { heading: 'REVISION', cell: (entry: KvEntry) => String(entry.modRevision), align: 'right' as const },
    { heading: 'VERSION', cell: (entry: KvEntry) => String(entry.version), align: 'right' as const },
    { heading: 'LEASE', cell: (entry: KvEntry) => entry.lease ?? '-' },
  ];
  const value = {
    heading: 'VALUE',
    cell: (entry: KvEntry) => textOrNull(entry.value) ?? `(${entry.value.length} bytes)`,
  };
  return formatTable<KvEntry>(keysOnly ? columns : [...columns, value], entries);
}
