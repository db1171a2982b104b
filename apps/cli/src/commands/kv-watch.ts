import { Option, type Command } from 'commander';
import type { KvEvent } from '@latchkey/sdk';
import { listenForInterrupt } from '../client/interrupt.js';
import { withClient } from '../client/with-client.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/table.js';
import { globalOptions } from './global-options.js';
import { entryJson, textOrNull } from './kv-entry-json.js';
import { parseRevision } from './revision.js';

type WatchFlags = { readonly fromRevision?: number; readonly key: boolean };

export function addKvWatchCommand(kv: Command, output: Output): void {
  kv.command('watch')
    .description('Prints every change of the keys that begin so, until Ctrl-C.')
    .argument('<prefix>')
    .option('--key', 'this one key only', false)
    .addOption(new Option('--from-revision <revision>', 'the first revision wanted').argParser(parseRevision))
    .action(async (prefix: string, flags: WatchFlags, command: Command) => {
      const options = globalOptions(command);
      const { signal, stopListening } = listenForInterrupt();
      const since = flags.fromRevision === undefined ? {} : { fromRevision: flags.fromRevision };
      try {
        await withClient(options, async (latchkey) => {
          const range = flags.key ? { key: prefix } : { prefix };
          for await (const event of latchkey.kv.watch(range, { ...since, signal })) {
            if (options.json) output.json(eventJson(event));
            else output.line(eventLine(event));
          }
        });
      } finally {
        stopListening();
      }
    });
}

function eventLine({ type, key, revision, entry }: KvEvent): string {
  if (entry === null) return `${revision} ${type} ${printable(key)}`;
  const text = textOrNull(entry.value);
  return `${revision} ${type} ${printable(key)} ${text === null ? `(${entry.value.length} bytes)` : printable(text)}`;
}

function eventJson({ type, key, revision, entry }: KvEvent): Readonly<Record<string, unknown>> {
  return { type, revision, ...(entry === null ? { key } : entryJson(entry)) };
}
