import type { StatusResult } from '@latchkey/contracts';
import type { Command } from 'commander';
import { requestJson } from '../client/http-client.js';
import { ServiceError } from '../client/service-error.js';
import { CliError, messageOf } from '../cli-error.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { globalOptions, type GlobalOptions } from './global-options.js';

/** One endpoint's answer. */
type EndpointStatus = {
  readonly endpoint: string;
  readonly status: StatusResult | null;
  readonly error: string | null;
};

export function addStatusCommand(program: Command, output: Output): void {
  program
    .command('status')
    .summary('show every node and the leader')
    .description('Asks every endpoint what it knows. Exits with 3 when none answers or no node knows a leader.')
    .action(async (_flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const statuses = await Promise.all(options.endpoints.map((endpoint) => statusOf(endpoint, options)));
      const leaderId = newestLeader(statuses);
      if (options.json) output.json({ leaderId, endpoints: statuses });
      else output.line(statusText(statuses));
      if (leaderId === null) throw new CliError(EXIT_CODE.unavailable, noLeaderMessage(statuses));
    });
}

async function statusOf(endpoint: string, options: GlobalOptions): Promise<EndpointStatus> {
  try {
    const answer = await requestJson({ ...options, endpoints: [endpoint] }, { method: 'GET', path: '/v1/status' });
    // The wire contract of /v1/status.
    return { endpoint, status: answer as StatusResult, error: null };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { endpoint, status: null, error: messageOf(error) };
  }
}

/** Nodes may disagree for a moment; the newest term is right. */
function newestLeader(statuses: readonly EndpointStatus[]): string | null {
  let newest: StatusResult | null = null;
  for (const { status } of statuses) {
    if (status !== null && status.leaderId !== null && status.term > (newest?.term ?? -1)) newest = status;
  }
  return newest?.leaderId ?? null;
}

function noLeaderMessage(statuses: readonly EndpointStatus[]): string {
  if (statuses.some(({ status }) => status !== null)) return 'no leader: too few nodes can reach each other';
  return statuses[0]?.error ?? 'no node answers';
}

function statusText(statuses: readonly EndpointStatus[]): string {
  const number = (value: number | undefined): string => (value === undefined ? '-' : String(value));
  return formatTable<EndpointStatus>(
    [
      { heading: 'NODE', cell: ({ status }) => status?.nodeId ?? '?' },
      { heading: 'ROLE', cell: ({ status }) => status?.role ?? 'unreachable' },
      { heading: 'ENDPOINT', cell: ({ endpoint }) => endpoint },
      { heading: 'TERM', cell: ({ status }) => number(status?.term), align: 'right' },
      { heading: 'APPLIED', cell: ({ status }) => number(status?.appliedIndex), align: 'right' },
      { heading: 'REVISION', cell: ({ status }) => number(status?.revision), align: 'right' },
      { heading: 'PEERS', cell: ({ status }) => connectedPeers(status), align: 'right' },
      { heading: 'STATE HASH', cell: ({ status }) => status?.stateHash ?? '-' },
    ],
    statuses,
  );
}

function connectedPeers(status: StatusResult | null): string {
  if (status === null) return '-';
  const peers = status.members.filter((member) => member.id !== status.nodeId);
  return `${peers.filter((peer) => peer.connected).length}/${peers.length}`;
}
