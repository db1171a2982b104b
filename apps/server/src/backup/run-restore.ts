import { BackupDamaged } from '@latchkey/backup';
import { LogStoreError } from '@latchkey/replica';
import { createStores } from '../cluster/adapters.js';
import { readSettings } from '../settings/read-settings.js';
import type { NodeSettings } from '../settings/settings.js';
import { SettingsError } from '../settings/settings-error.js';
import { restoreNode } from './restore-node.js';
import { RestoreRefused } from './restore-refused.js';

/** As those of a node's process (docs/cli.md). */
const EXIT = { failed: 1, wrongSetting: 2, database: 4 } as const;

/** A restore speaks to no peer; the settings of a cluster demand a secret all the same. */
const UNUSED_SECRET = 'unused by a restore';

/** Those of a node that say whose database it is; all others would only be in the way. */
const OF_THE_DATABASE = ['LATCHKEY_NODE_ID', 'LATCHKEY_CLUSTER_ID', 'LATCHKEY_PEERS', 'LATCHKEY_DATABASE_URL'] as const;

/**
 * The process behind `latchkey restore`: a file as its argument, the node's settings in its environment. Prints a line of
 * JSON, or a line that says why not on stderr.
 */
export async function runRestore(): Promise<void> {
  const [path] = process.argv.slice(2);
  try {
    if (path === undefined) throw new RestoreRefused('which file?');
    const settings = settingsFrom(process.env);
    const restored = await restoreNode({ path, openStores: () => createStores(settings) }, settings);
    process.stdout.write(`${JSON.stringify(restored)}\n`);
  } catch (error) {
    process.stderr.write(`latchkey: ${reasonOf(error).replaceAll(/\s+/g, ' ')}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

function settingsFrom(variables: Readonly<Record<string, string | undefined>>): NodeSettings {
  const wanted = Object.fromEntries(OF_THE_DATABASE.map((name) => [name, variables[name]]));
  return readSettings({ ...wanted, LATCHKEY_STORAGE: 'postgres', LATCHKEY_PEER_SECRET: UNUSED_SECRET });
}

function reasonOf(error: unknown): string {
  if (error instanceof BackupDamaged) return `the backup is damaged: ${error.message}`;
  if (error instanceof LogStoreError) return `database (${error.code}): ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsError) return EXIT.wrongSetting;
  return error instanceof LogStoreError ? EXIT.database : EXIT.failed;
}
