import { Option, type Command } from 'commander';
import { checkBackupFile, type CheckedBackup } from '../backup/backup-file.js';
import { restoreDataDirectory } from '../backup/restore-data-directory.js';
import { restoreOneNode, type RestoredNode, type RestoreTarget } from '../backup/restore-process.js';
import { failure, usageError } from '../cli-error.js';
import { listenForInterrupt } from '../client/interrupt.js';
import { MAX_NODES } from '../cluster/cluster-description.js';
import type { Output } from '../output/output.js';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.js';
import { serverEntry } from '../supervisor/server-process.js';
import { checkFile } from './backup.js';
import { globalOptions } from './global-options.js';
import { DEFAULT_CLIENT_PORT, DEFAULT_NODES, DEFAULT_PEER_PORT, integerBetween } from './up.js';

type RestoreFlags = {
  readonly nodeId?: string;
  readonly clusterId?: string;
  readonly peers?: string;
  readonly databaseUrl?: string;
  readonly dataDir?: string;
  readonly nodes: number;
  readonly dryRun: boolean;
  readonly serverEntry?: string;
};

export function addRestoreCommand(program: Command, output: Output): void {
  program
    .command('restore')
    .summary('make a new cluster from a backup')
    .description(
      'Makes a new cluster from a backup: either the empty database of one of its nodes (once for each, all from the same file), or a data directory for "latchkey up". Its revisions and fencing tokens lie above all that the old cluster gave out; its leases have ended.',
    )
    .argument('<file>')
    .option('--node-id <id>', 'whose database it is')
    .option('--cluster-id <id>', 'of the new cluster; not that of the old one')
    .option('--peers <list>', 'all first members: n1=http://host:7401,n2=…')
    .addOption(new Option('--database-url <url>', 'postgres://… of an empty database').env('LATCHKEY_DATABASE_URL'))
    .option('--data-dir <directory>', 'instead: a new data directory for "latchkey up --data <directory>"')
    .addOption(
      new Option('--nodes <count>', 'how many nodes the data directory gets')
        .default(DEFAULT_NODES)
        .argParser(integerBetween(1, MAX_NODES)),
    )
    .addOption(new Option('--dry-run', 'only check the file').default(false))
    .addOption(new Option('--server-entry <file>').hideHelp())
    .action(async (file: string, flags: RestoreFlags, command: Command) => {
      if (flags.dryRun) return checkFile(file, command, output);
      await restore(file, flags, { command, output });
    });
}

type Surroundings = { readonly command: Command; readonly output: Output };

async function restore(file: string, flags: RestoreFlags, { command, output }: Surroundings): Promise<void> {
  const target = flags.dataDir === undefined ? targetOf(flags) : null;
  if (target === null) refuseSingleNodeFlags(flags);
  const { json } = globalOptions(command);
  const startedAt = performance.now();
  const entry = serverEntry(flags.serverEntry);
  const backup = await checkBackupFile(file);
  refuseSameCluster(backup, flags);
  const interrupt = listenForInterrupt();
  try {
    const restoreNode = (each: RestoreTarget): Promise<RestoredNode> =>
      restoreOneNode(file, each, { serverEntry: entry, signal: interrupt.signal });
    const restored = target === null ? await intoDirectory(flags, restoreNode) : [await restoreNode(target)];
    const durationMs = Math.round(performance.now() - startedAt);
    tell(restored, { backup, durationMs, dataDir: flags.dataDir ?? null }, { json, output });
  } catch (error) {
    const exitCode = interrupt.exitCode();
    if (exitCode === null) throw error;
    output.note('latchkey: interrupted; nothing was restored');
    output.exitWith(exitCode);
  } finally {
    interrupt.stopListening();
  }
}

function intoDirectory(
  { dataDir = '', nodes, clusterId }: RestoreFlags,
  restoreNode: (target: RestoreTarget) => Promise<RestoredNode>,
): Promise<readonly RestoredNode[]> {
  return restoreDataDirectory({
    dataPath: dataDir,
    plan: { nodeCount: nodes, storage: 'postgres', clientPort: DEFAULT_CLIENT_PORT, peerPort: DEFAULT_PEER_PORT },
    clusterId: clusterId ?? null,
    startDatabase: startEmbeddedPostgres,
    restoreNode,
  });
}

function targetOf({ nodeId, clusterId, peers, databaseUrl }: RestoreFlags): RestoreTarget {
  const missing = (option: string): Error => usageError(`${option} is missing (or --data-dir for a local cluster)`);
  if (nodeId === undefined) throw missing('--node-id');
  if (clusterId === undefined) throw missing('--cluster-id');
  if (peers === undefined) throw missing('--peers');
  if (databaseUrl === undefined) throw missing('--database-url (or LATCHKEY_DATABASE_URL)');
  return { nodeId, clusterId, peers, databaseUrl };
}

/** A database URL may well be in the environment for other reasons. */
function refuseSingleNodeFlags({ nodeId, peers }: RestoreFlags): void {
  if (nodeId !== undefined || peers !== undefined)
    throw usageError('--data-dir makes all nodes of a local cluster: leave --node-id and --peers out');
}

/** Before anything is made. The restore itself looks again. */
function refuseSameCluster({ header }: CheckedBackup, { clusterId }: RestoreFlags): void {
  if (clusterId === header.clusterId)
    throw failure(`the backup is of a cluster with the same id, ${clusterId}: give the new one another`);
}

function tell(
  nodes: readonly RestoredNode[],
  done: { readonly backup: CheckedBackup; readonly durationMs: number; readonly dataDir: string | null },
  { json, output }: { readonly json: boolean; readonly output: Output },
): void {
  const { backup, durationMs, dataDir } = done;
  const [first] = nodes;
  if (first === undefined) throw failure('nothing was restored');
  const { clusterId, revision, rowCount } = first;
  const { clusterId: from, revision: fromRevision } = backup.header;
  const sha256 = backup.digest;
  if (json) {
    const nodeIds = nodes.map(({ nodeId }) => nodeId);
    return output.json({ clusterId, nodes: nodeIds, revision, rows: rowCount, from, fromRevision, sha256, durationMs });
  }
  const names = nodes.map(({ nodeId }) => nodeId).join(', ');
  const took = `in ${(durationMs / 1_000).toFixed(1)} s`;
  output.line(
    `restored ${names} of cluster ${clusterId} from revision ${fromRevision} of ${from}: ${rowCount} rows, ${took}`,
  );
  output.line(`its revisions go on after ${revision}; SHA-256 of the backup ${sha256}`);
  output.line(
    dataDir === null
      ? 'restore the other nodes from the same file, then start them all'
      : `start it: latchkey up --data ${dataDir} --nodes ${nodes.length}`,
  );
}
