import { Option, type Command } from 'commander';
import type { ConfigEntry, ConfigVersion } from '@latchkey/sdk';
import { withClient } from '../client/with-client.js';
import { CliError } from '../cli-error.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { parseConfigKey, parseConfigPrefix } from './config-path.js';
import { addConfigWatchCommand } from './config-watch.js';
import { globalOptions } from './global-options.js';
import { parseValue, showValue } from './json-value.js';
import { parseRevision } from './revision.js';

const KEY_HELP = 'namespace and key: payments/limits/max';

type RevisionCondition = { readonly ifRevision?: number };

export function addConfigCommands(program: Command, output: Output): void {
  const config = program
    .command('config')
    .summary('read, change and watch configuration')
    .description('Live configuration: JSON values under <namespace>/<key>, with history and rollback.');
  addGet(config, output);
  addSet(config, output);
  addDelete(config, output);
  addList(config, output);
  addHistory(config, output);
  addRollback(config, output);
  addConfigWatchCommand(config, output);
}

function ifRevisionOption(): Option {
  return new Option(
    '--if-revision <revision>',
    'only if this is its current revision; 0 = only if there is none',
  ).argParser(parseRevision);
}

function notFound(path: string): CliError {
  return new CliError(EXIT_CODE.notFoundOrHeld, `there is no ${path}`);
}

function addGet(config: Command, output: Output): void {
  config
    .command('get')
    .description('Prints a value: text as it is, everything else as JSON.')
    .argument('<key>', KEY_HELP)
    .action(async (path: string, _flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const { namespace, key } = parseConfigKey(path);
      const entry = await withClient(options, (latchkey) => latchkey.config(namespace).get(key));
      if (entry === null) throw notFound(path);
      if (options.json) output.json(entry);
      else output.line(showValue(entry.value));
    });
}

function addSet(config: Command, output: Output): void {
  config
    .command('set')
    .description('Sets a value. It is stored as JSON if it is JSON (100, true, {"a":1}), else as text.')
    .argument('<key>', KEY_HELP)
    .argument('<value>')
    .option('--string', 'store it as text even if it is JSON', false)
    .addOption(ifRevisionOption())
    .action(async (path: string, text: string, flags: RevisionCondition & { string: boolean }, command: Command) => {
      const options = globalOptions(command);
      const { namespace, key } = parseConfigKey(path);
      const value = parseValue(text, flags.string);
      const { revision } = await withClient(options, (latchkey) =>
        latchkey.config(namespace).set(key, value, condition(flags)),
      );
      if (options.json) output.json({ key, revision });
      else output.line(`${path} = ${showValue(value)} (revision ${revision})`);
    });
}

function condition({ ifRevision }: RevisionCondition): RevisionCondition {
  return ifRevision === undefined ? {} : { ifRevision };
}

function addDelete(config: Command, output: Output): void {
  config
    .command('delete')
    .description('Deletes a key. Its history stays.')
    .argument('<key>', KEY_HELP)
    .addOption(ifRevisionOption())
    .action(async (path: string, flags: RevisionCondition, command: Command) => {
      const options = globalOptions(command);
      const { namespace, key } = parseConfigKey(path);
      const result = await withClient(options, (latchkey) => latchkey.config(namespace).delete(key, condition(flags)));
      if (!result.deleted) throw notFound(path);
      if (options.json) output.json({ key, revision: result.revision });
      else output.line(`deleted ${path} (revision ${result.revision})`);
    });
}

function addList(config: Command, output: Output): void {
  config
    .command('list')
    .description('Lists the keys of a namespace, or those that begin so.')
    .argument('<prefix>', 'namespace, or namespace and the beginning of the keys: payments/limits/')
    .action(async (path: string, _flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const { namespace, prefix } = parseConfigPrefix(path);
      const entries = await withClient(options, (latchkey) => latchkey.config(namespace).getAll(prefix));
      if (options.json) return output.json({ entries });
      output.line(entries.length === 0 ? `nothing under ${path}` : entryTable(entries));
    });
}

function entryTable(entries: readonly ConfigEntry[]): string {
  return formatTable<ConfigEntry>(
    [
      { heading: 'KEY', cell: (entry) => entry.key },
      { heading: 'REVISION', cell: (entry) => String(entry.revision), align: 'right' },
      { heading: 'CHANGED', cell: (entry) => entry.updatedAt.toISOString() },
      { heading: 'VALUE', cell: (entry) => showValue(entry.value) },
    ],
    entries,
  );
}

function addHistory(config: Command, output: Output): void {
  config
    .command('history')
    .description('Shows every version of a key that is still kept, newest first.')
    .argument('<key>', KEY_HELP)
    .action(async (path: string, _flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const { namespace, key } = parseConfigKey(path);
      const versions = await withClient(options, (latchkey) => latchkey.config(namespace).history(key));
      if (versions.length === 0) throw notFound(path);
      if (options.json) output.json({ key, versions });
      else output.line(historyTable(versions));
    });
}

function historyTable(versions: readonly ConfigVersion[]): string {
  return formatTable<ConfigVersion>(
    [
      { heading: 'REVISION', cell: (version) => String(version.revision), align: 'right' },
      { heading: 'CHANGED', cell: (version) => version.updatedAt?.toISOString() ?? '-' },
      { heading: 'VALUE', cell: (version) => (version.deleted ? '(deleted)' : showValue(version.value)) },
    ],
    versions.toReversed(),
  );
}

function addRollback(config: Command, output: Output): void {
  config
    .command('rollback')
    .description('Makes the value as of an older revision current again, as a new revision.')
    .argument('<key>', KEY_HELP)
    .addOption(
      new Option('--to <revision>', 'a revision from "config history"').makeOptionMandatory().argParser(parseRevision),
    )
    .action(async (path: string, { to }: { readonly to: number }, command: Command) => {
      const options = globalOptions(command);
      const { namespace, key } = parseConfigKey(path);
      const { revision } = await withClient(options, (latchkey) =>
        latchkey.config(namespace).rollback(key, { toRevision: to }),
      );
      if (options.json) output.json({ key, revision });
      else output.line(`${path} is as it was at revision ${to} (now revision ${revision})`);
    });
}
