import { createLoggers } from '../logging/part-logger.js';
import { startNode } from '../node-process.js';
import { readSettings } from '../settings/read-settings.js';

export type MemoryNode = {
  readonly url: string;
  appliedIndex(): number;
  stop(): Promise<void>;
};

/** A real node of a cluster of one, in this process, on a free port, without a database. Ready when this resolves. */
export async function startMemoryNode(variables: Readonly<Record<string, string>> = {}): Promise<MemoryNode> {
  const settings = readSettings({
    LATCHKEY_STORAGE: 'memory',
    LATCHKEY_CLIENT_PORT: '0',
    LATCHKEY_LOG_LEVEL: 'error',
    ...variables,
  });
  const loggers = createLoggers({ nodeId: settings.nodeId, levels: settings.logLevels });
  const node = await startNode(settings, loggers, {
    onFailed: (error) => {
      throw error;
    },
    onRemoved: () => undefined,
  });
  await node.clusterNode.replica.readBarrier();
  return {
    url: node.url,
    appliedIndex: () => node.clusterNode.replica.status().appliedIndex,
    stop: () => node.stop(),
  };
}
