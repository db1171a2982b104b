import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Option, type Command } from 'commander';
import { failure, messageOf } from '../cli-error.js';
import { readClusterFile } from '../cluster/cluster-file.js';
import { environmentOfOneNode, findNode } from '../cluster/node-environment.js';
import { SIGNAL_EXIT_BASE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { serverEntry } from '../supervisor/server-process.js';

const PASSED_ON: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];

type NodeFlags = {
  readonly config: string;
  readonly id: string;
  readonly join: boolean;
  readonly serverEntry?: string;
};

export function addNodeCommand(program: Command, output: Output): void {
  program
    .command('node')
    .summary('run one node of a cluster file')
    .description(
      'Runs one node in the foreground. One file describes all nodes; a LATCHKEY_* variable in the environment wins over it.',
    )
    .requiredOption('--config <file>', 'the cluster file (docs/cli.md has its fields)')
    .requiredOption('--id <node>', 'which of its nodes to run')
    .option('--join', 'a new node of a running cluster: it waits for "latchkey member add"', false)
    .addOption(new Option('--server-entry <file>').hideHelp())
    .action(async (flags: NodeFlags) => {
      const description = readClusterFile(flags.config);
      const node = findNode(description, flags.id);
      const joining = flags.join ? { ...node, join: true } : node;
      const environment = environmentOfOneNode(description, joining, process.env);
      output.exitWith(await runInForeground(serverEntry(flags.serverEntry), environment));
    });
}

/**
 * Runs the server with this process's own terminal. It is in our process group, so a Ctrl-C reaches it by itself; a signal
 * that was sent to us alone is passed on, and a second SIGINT on its way does no harm to a node that is stopping.
 */
function runInForeground(entry: string, environment: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', entry], { env: environment, stdio: 'inherit' });
    const passOn = (signal: NodeJS.Signals): void => {
      child.kill(signal);
    };
    for (const signal of PASSED_ON) process.on(signal, passOn);
    child.once('error', (error) => reject(failure(`cannot start ${process.execPath}: ${messageOf(error)}`)));
    child.once('exit', (code, signal) => {
      for (const passed of PASSED_ON) process.off(passed, passOn);
      resolve(code ?? SIGNAL_EXIT_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
