import { Command, CommanderError } from 'commander';
import { addBackupCommand } from './commands/backup.js';
import { addConfigCommands } from './commands/config.js';
import { addElectCommand } from './commands/elect.js';
import { addGlobalOptions } from './commands/global-options.js';
import { addKvCommands } from './commands/kv.js';
import { addLeaseCommands } from './commands/lease.js';
import { addLockCommand } from './commands/lock.js';
import { addLocksCommand } from './commands/locks.js';
import { addMemberCommands } from './commands/member.js';
import { addNodeCommand } from './commands/node.js';
import { addPostgresCommand } from './commands/postgres.js';
import { addRestoreCommand } from './commands/restore.js';
import { addStatusCommand } from './commands/status.js';
import { addTransferLeaderCommand } from './commands/transfer-leader.js';
import { addUpCommand } from './commands/up.js';
import { EXIT_CODE, EXIT_CODE_HELP } from './exit-code.js';
import { processOutput, type Output } from './output/output.js';
import { reportOf } from './report-error.js';

const NAME = 'latchkey';

/** Runs one command line. Whatever happens ends in an exit code and at most one line on stderr. */
export async function runProgram(argv: readonly string[], output: Output = processOutput): Promise<void> {
  try {
    await createProgram(output).parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said it already.
      output.exitWith(error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage);
      return;
    }
    const { exitCode, message, code, details } = reportOf(error);
    output.note(
      argv.includes('--json') ? JSON.stringify({ error: { code, message, details } }) : `${NAME}: ${message}`,
    );
    output.exitWith(exitCode);
  }
}

export function createProgram(output: Output): Command {
  const program = new Command(NAME);
  program
    .description('Distributed locks and live configuration.')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODE_HELP);
  addGlobalOptions(program);
  addUpCommand(program, output);
  addNodeCommand(program, output);
  addStatusCommand(program, output);
  addLockCommand(program, output);
  addLocksCommand(program, output);
  addElectCommand(program, output);
  addConfigCommands(program, output);
  addKvCommands(program, output);
  addLeaseCommands(program, output);
  addMemberCommands(program, output);
  addTransferLeaderCommand(program, output);
  addBackupCommand(program, output);
  addRestoreCommand(program, output);
  addPostgresCommand(program, output);
  return program;
}

/** Commander's words as one of our lines, its suggestion included. */
function oneLine(text: string): string {
  return `${text
    .trim()
    .replace(/^error: /, `${NAME}: `)
    .replace(/\s*\n\s*/g, ' ')}\n`;
}
