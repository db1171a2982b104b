import { Option, type Command } from 'commander';
import type { ConfigChange } from '@latchkey/sdk';
import { listenForInterrupt } from '../client/interrupt.js';
import { withClient } from '../client/with-client.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/table.js';
import { parseConfigPrefix } from './config-path.js';
import { globalOptions } from './global-options.js';
import { showValue } from './json-value.js';
import { parseRevision } from './revision.js';

type WatchFlags = { readonly fromRevision?: number };

export function addConfigWatchCommand(config: Command, output: Output): void {
  config
    .command('watch')
    .description('Prints every change until Ctrl-C, without a gap, also across lost nodes.')
    .argument('<prefix>', 'namespace, or namespace and the beginning of the keys: payments/limits/')
    .addOption(new Option('--from-revision <revision>', 'the first revision wanted').argParser(parseRevision))
    .action(async (path: string, { fromRevision }: WatchFlags, command: Command) => {
      const options = globalOptions(command);
      const { namespace, prefix } = parseConfigPrefix(path);
      const { signal, stopListening } = listenForInterrupt();
      try {
        await withClient(options, async (latchkey) => {
          const since = fromRevision === undefined ? {} : { fromRevision };
          for await (const change of latchkey.config(namespace).watch(prefix, { ...since, signal })) {
            if (options.json) output.json(change);
            else for (const line of changeLines(change)) output.line(line);
          }
        });
      } finally {
        stopListening();
      }
    });
}

function changeLines(change: ConfigChange): readonly string[] {
  switch (change.type) {
    case 'set':
      return [`${change.revision} set ${printable(change.key)} ${printable(showValue(change.value))}`];
    case 'delete':
      return [`${change.revision} delete ${printable(change.key)}`];
    case 'reset':
      // What lies between was compacted away: this is all there is now.
      return [
        `${change.revision} reset ${printable(change.key)}`,
        ...change.entries.map(
          (entry) => `${change.revision} now ${printable(entry.key)} ${printable(showValue(entry.value))}`,
        ),
      ];
  }
}
