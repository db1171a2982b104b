import { formatDuration } from '../duration.js';
import { formatTable } from '../output/table.js';
import { describeExit } from './cluster-supervisor.js';
import type { ClusterView } from './cluster-view.js';
import type { NodeState } from './cluster-state.js';
import type { LogNotice } from './log-notices.js';
import type { NodeDeath } from './supervised-node.js';

export type ReadyCluster = {
  readonly nodes: readonly NodeState[];
  readonly view: ClusterView;
  readonly tookMs: number;
  readonly dataRoot: string;
  readonly storage: string;
  /** Clients find the cluster without being told where. */
  readonly onDefaultPorts: boolean;
};

/** What `up` tells: as lines for a person, or one JSON object per line for a program. */
export type UpReport = {
  progress(message: string): void;
  ready(cluster: ReadyCluster): void;
  notice(id: string, notice: LogNotice): void;
  died(death: NodeDeath): void;
  stopped(): void;
};

type Write = (line: string) => void;

export function humanReport(write: Write): UpReport {
  return {
    progress: (message) => write(message),
    ready: (cluster) => write(readyText(cluster)),
    notice: (id, { level, message }) => write(`  ${id} ${level}: ${message}`),
    died: (death) => write(`  ${deathText(death)}`),
    stopped: () => write('stopped; the data is kept'),
  };
}

function deathText({ id, exit, reason, restartInMs, removed }: NodeDeath): string {
  if (removed) return `${id} was removed from the cluster; it stays down`;
  const why = exit.signal !== null || reason === null ? '' : ` (${reason})`;
  const next =
    restartInMs === null
      ? 'it stays down: without storage it has forgotten its votes'
      : `starting it again in ${formatDuration(restartInMs)}`;
  return `${id} ${describeExit(exit)}${why}; ${next}`;
}

function readyText(cluster: ReadyCluster): string {
  const { nodes, view, dataRoot } = cluster;
  const table = formatTable<NodeState>(
    [
      { heading: 'NODE', cell: (node) => node.id },
      {
        heading: 'ROLE',
        cell: (node) => (node.id === view.leaderId ? 'leader' : (view.nodes.get(node.id)?.role ?? 'unknown')),
      },
      { heading: 'CLIENT URL', cell: (node) => node.clientUrl },
      { heading: 'PID', cell: (node) => String(node.process?.pid ?? '-'), align: 'right' },
    ],
    nodes,
  );
  const where = cluster.onDefaultPorts ? '' : `--endpoints ${nodes.map((node) => node.clientUrl).join(',')} `;
  const memory =
    cluster.storage === 'memory'
      ? ['', 'STORAGE IS MEMORY: nothing survives a stop, and a node that dies stays down.']
      : [];
  return [
    '',
    indent(table),
    '',
    `Leader is ${view.leaderId ?? 'not known'}; ready after ${formatDuration(cluster.tookMs)}. Data and logs: ${dataRoot}`,
    ...memory,
    '',
    'Try, in another terminal:',
    `  npx latchkey ${where}status`,
    `  npx latchkey ${where}lock demo -- sh -c 'echo "fencing token $LATCHKEY_FENCING_TOKEN"; sleep 3'`,
    `  npx latchkey ${where}config set payments/limits/max 100`,
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}

export function jsonReport(write: Write): UpReport {
  const event = (name: string, fields: Readonly<Record<string, unknown>>): void =>
    write(JSON.stringify({ event: name, ...fields }));
  return {
    progress: (message) => event('progress', { message }),
    ready: ({ nodes, view, tookMs, dataRoot }) =>
      event('ready', { leaderId: view.leaderId, tookMs: Math.round(tookMs), data: dataRoot, nodes }),
    notice: (id, notice) => event('notice', { node: id, ...notice }),
    died: ({ id, exit, reason, restartInMs, removed }) =>
      event('died', { node: id, ...exit, reason, restartInMs, removed }),
    stopped: () => event('stopped', {}),
  };
}
