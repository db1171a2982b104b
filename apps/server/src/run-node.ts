import { HistoryLostError, LogStoreError } from '@latchkey/replica';
import { createLoggers, type PartLogger } from './logging/part-logger.js';
import { startNode, type RunningNode } from './node-process.js';
import { readSettings } from './settings/read-settings.js';
import type { NodeSettings } from './settings/settings.js';
import { SettingsError } from './settings/settings-error.js';

/** See docs/operations and README: what a supervisor may tell apart. */
const EXIT = {
  stopped: 0,
  /** Failed while it ran, or for a reason that has no code of its own. */
  failed: 1,
  wrongSetting: 2,
  portInUse: 3,
  /** Missing, foreign, unsafe, corrupt, or in use by another process. */
  database: 4,
  /** The cluster goes on without this node: it is not to be started again on this database. */
  removed: 5,
  /** What it held is wrong: it is to be started again, and begins anew. */
  historyLost: 6,
} as const;

/** A stop that takes longer is not waited for; nothing acknowledged is lost by it. */
const MAX_STOP_MS = 4_500;

function exitWithLine(line: string, code: number): never {
  process.stderr.write(`latchkey: ${line.replaceAll(/\s+/g, ' ')}\n`);
  process.exit(code);
}

function settingsOrExit(): NodeSettings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (error instanceof SettingsError) exitWithLine(error.message, EXIT.wrongSetting);
    throw error;
  }
}

function exitForDatabase({ code, message }: LogStoreError): never {
  exitWithLine(`database (${code}): ${message}`, EXIT.database);
}

/** Why the node could not start, in one line. */
function exitForStart(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL')
    exitWithLine(`cannot listen: ${message}`, EXIT.portInUse);
  if (error instanceof LogStoreError) exitForDatabase(error);
  exitWithLine(message, EXIT.failed);
}

/** The whole life of the process `latchkey node`: settings from the environment, start, signals, exit codes. */
export async function runNode(): Promise<void> {
  const settings = settingsOrExit();
  const loggers = createLoggers({ nodeId: settings.nodeId, levels: settings.logLevels });
  const logger = loggers.part('node');
  const fail = (error: unknown): void => {
    logger.fatal('stopping at once', { error });
    // Fenced, for example: who is started again at once would only take the database back from the newcomer.
    if (error instanceof LogStoreError) exitForDatabase(error);
    if (error instanceof HistoryLostError)
      exitWithLine(
        `what this node holds is wrong (${error.reason}), it begins anew when it is started again: ${error.message}`,
        EXIT.historyLost,
      );
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  if (settings.storage === 'memory')
    logger.warn('LATCHKEY_STORAGE=memory: NOTHING SURVIVES the end of this process. For tests and trying out only.');
  const starting = startNode(settings, loggers, {
    onFailed: fail,
    onRemoved: () => void starting.then((node) => leave(node, logger), exitForStart),
  });
  const node = await starting.catch(exitForStart);
  logger.info('started', { url: node.url, cluster: settings.clusterId, storage: settings.storage });
  const stop = (signal: string): void => {
    logger.info('stopping', { signal });
    setTimeout(() => process.exit(EXIT.stopped), MAX_STOP_MS).unref();
    node.stop().then(() => process.exit(EXIT.stopped), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** What the others have decided. Its data is of no use to it any more; under its name it may come back as a new node only. */
async function leave(node: RunningNode, logger: PartLogger): Promise<void> {
  const line = 'removed from the cluster; to come back it needs an empty database and LATCHKEY_JOIN=true';
  logger.warn(line);
  setTimeout(() => exitWithLine(line, EXIT.removed), MAX_STOP_MS).unref();
  await node.stop().catch(() => undefined);
  exitWithLine(line, EXIT.removed);
}
