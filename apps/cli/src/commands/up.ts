import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Output } from '../output/output.js';
import { MAX_NODES, type StorageKind } from '../cluster/cluster-description.js';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.js';
import { runUp } from '../supervisor/run-up.js';
import { stopWithStdin } from '../supervisor/stop-signals.js';
import { serverEntry } from '../supervisor/server-process.js';
import { humanReport, jsonReport } from '../supervisor/up-report.js';
import { globalOptions } from './global-options.js';

export const DEFAULT_NODES = 3;
const DEFAULT_DATA = '.latchkey';
export const DEFAULT_CLIENT_PORT = 7301;
export const DEFAULT_PEER_PORT = 7401;
const PORT_MAX = 65_535;

type UpFlags = {
  readonly nodes: number;
  readonly data: string;
  readonly storage: StorageKind;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly fresh?: boolean;
  readonly serverEntry?: string;
  readonly stopWithStdin?: boolean;
};

export function addUpCommand(program: Command, output: Output): void {
  program
    .command('up')
    .summary('run a cluster on this machine')
    .description(
      'Runs a cluster on this machine: every node a process on its own embedded Postgres. Ctrl-C stops all; the data stays.',
    )
    .addOption(
      new Option('--nodes <count>', 'how many nodes').default(DEFAULT_NODES).argParser(integerBetween(1, MAX_NODES)),
    )
    .option('--data <directory>', 'where data, logs and cluster.json are', DEFAULT_DATA)
    .addOption(
      new Option('--storage <kind>', 'memory: nothing survives').choices(['postgres', 'memory']).default('postgres'),
    )
    .addOption(portOption('--client-port <port>', 'of the first node; the others follow', DEFAULT_CLIENT_PORT))
    .addOption(portOption('--peer-port <port>', 'of the first node; the others follow', DEFAULT_PEER_PORT))
    .option('--fresh', 'delete the data there first')
    .addOption(new Option('--server-entry <file>').hideHelp())
    .addOption(new Option('--stop-with-stdin', 'for programs that start it: stop when stdin closes').hideHelp())
    .action(async (flags: UpFlags, command: Command) => {
      if (flags.stopWithStdin === true) stopWithStdin();
      const report = globalOptions(command).json ? jsonReport(output.line) : humanReport(output.line);
      const exitCode = await runUp(
        {
          dataPath: flags.data,
          nodeCount: flags.nodes,
          storage: flags.storage,
          clientPort: flags.clientPort,
          peerPort: flags.peerPort,
          fresh: flags.fresh ?? false,
          onDefaultPorts: flags.clientPort === DEFAULT_CLIENT_PORT && flags.nodes === DEFAULT_NODES,
        },
        {
          startDatabase: startEmbeddedPostgres,
          serverEntry: serverEntry(flags.serverEntry),
          environment: process.env,
          report,
        },
      );
      output.exitWith(exitCode);
    });
}

function portOption(flags: string, description: string, port: number): Option {
  return new Option(flags, description).default(port).argParser(integerBetween(1, PORT_MAX - MAX_NODES));
}

export function integerBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
