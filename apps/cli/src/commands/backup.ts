import { Option, type Command } from 'commander';
import { backupJson, backupLine, checkBackupFile } from '../backup/backup-file.js';
import { downloadBackup } from '../backup/download-backup.js';
import { listenForInterrupt } from '../client/interrupt.js';
import type { Output } from '../output/output.js';
import { globalOptions } from './global-options.js';

type BackupFlags = { readonly verify: boolean; readonly force: boolean };

export function addBackupCommand(program: Command, output: Output): void {
  program
    .command('backup')
    .summary('write everything the cluster holds to a file')
    .description(
      'Writes everything that the cluster holds to a file, while it goes on: all that was acknowledged before, at one revision. The file appears only once it is whole and was read again.',
    )
    .argument('<file>')
    .addOption(new Option('--verify', 'check a file instead of writing one; no cluster is asked').default(false))
    .addOption(new Option('--force', 'replace a file that is there').default(false).conflicts('verify'))
    .action(async (file: string, { verify, force }: BackupFlags, command: Command) => {
      if (verify) await checkFile(file, command, output);
      else await makeBackup(file, force, { command, output });
    });
}

/** Also what `restore --dry-run` does. */
export async function checkFile(file: string, command: Command, output: Output): Promise<void> {
  const { json } = globalOptions(command);
  const checked = await checkBackupFile(file);
  if (json) output.json(backupJson(file, checked));
  else output.line(`${backupLine(file, checked)}; undamaged, SHA-256 ${checked.digest}`);
}

async function makeBackup(
  file: string,
  replaces: boolean,
  { command, output }: { readonly command: Command; readonly output: Output },
): Promise<void> {
  const { endpoints, json } = globalOptions(command);
  const startedAt = performance.now();
  const interrupt = listenForInterrupt();
  try {
    const checked = await downloadBackup({ endpoints, file, replaces, signal: interrupt.signal });
    const durationMs = Math.round(performance.now() - startedAt);
    if (json) output.json({ ...backupJson(file, checked), durationMs });
    else output.line(`${backupLine(file, checked)}; in ${(durationMs / 1_000).toFixed(1)} s`);
  } catch (error) {
    const exitCode = interrupt.exitCode();
    if (exitCode === null) throw error;
    output.note('latchkey: interrupted; there is no backup');
    output.exitWith(exitCode);
  } finally {
    interrupt.stopListening();
  }
}
