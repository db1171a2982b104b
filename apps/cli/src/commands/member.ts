import type { MembersResult } from '@latchkey/contracts';
import type { Command } from 'commander';
import { requestJson, type HttpRequest } from '../client/http-client.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { globalOptions } from './global-options.js';

type Row = MembersResult['members'][number];

/** Who belongs to the cluster. Any endpoint will do: a node passes it on to the leader. */
export function addMemberCommands(program: Command, output: Output): void {
  const member = program
    .command('member')
    .summary('list, add, promote and remove nodes')
    .description(
      'The nodes of the cluster. A new one is added as a learner, which has no vote, and promoted when it has caught up.',
    );
  addList(member, output);
  addAdd(member, output);
  addPromote(member, output);
  addRemove(member, output);
}

function addList(member: Command, output: Output): void {
  member
    .command('list')
    .description('Lists the members and how far each of them is.')
    .action(async (_flags: unknown, command: Command) => {
      const result = await askForMembers(command, { method: 'GET', path: MEMBERS_PATH });
      if (globalOptions(command).json) return output.json(result);
      output.line(membersTable(result));
      if (result.leaderId === null) output.note('latchkey: no leader answers; this is what one node knows by itself');
    });
}

function addAdd(member: Command, output: Output): void {
  member
    .command('add')
    .description(
      'Adds a node as a learner. Start it with LATCHKEY_JOIN=true ("latchkey node --join"), before or after.',
    )
    .argument('<id>', 'its node id')
    .argument('<peerUrl>', 'where the other nodes reach it, such as http://10.0.0.4:7401')
    .action(async (id: string, peerUrl: string, _flags: unknown, command: Command) => {
      const result = await askForMembers(command, { method: 'POST', path: MEMBERS_PATH, body: { id, peerUrl } });
      tell(command, output, result, `added ${id} as a learner; when it has caught up: latchkey member promote ${id}`);
    });
}

function addPromote(member: Command, output: Output): void {
  member
    .command('promote')
    .description('Gives a learner its vote. Refused while it is too far behind.')
    .argument('<id>')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const result = await askForMembers(command, { method: 'POST', path: `${memberPath(id)}/promote` });
      tell(command, output, result, `promoted ${id}`);
    });
}

function addRemove(member: Command, output: Output): void {
  member
    .command('remove')
    .description('Removes a node, also the leader itself. Its process ends by itself (exit code 5).')
    .argument('<id>')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const result = await askForMembers(command, { method: 'DELETE', path: memberPath(id) });
      tell(command, output, result, `removed ${id}`);
    });
}

const MEMBERS_PATH = '/v1/members';
const memberPath = (id: string): string => `${MEMBERS_PATH}/${encodeURIComponent(id)}`;

async function askForMembers(command: Command, request: HttpRequest): Promise<MembersResult> {
  // The wire contract of /v1/members.
  return (await requestJson(globalOptions(command), request)) as MembersResult;
}

function tell(command: Command, output: Output, result: MembersResult, sentence: string): void {
  if (globalOptions(command).json) output.json(result);
  else output.line(`${sentence}\n${membersTable(result)}`);
}

function membersTable({ leaderId, lastLogIndex, members }: MembersResult): string {
  return formatTable<Row>(
    [
      { heading: 'NODE', cell: ({ id }) => id },
      { heading: 'ROLE', cell: ({ id, role }) => (id === leaderId ? 'leader' : role) },
      { heading: 'PEER URL', cell: ({ peerUrl }) => (peerUrl === '' ? '?' : peerUrl) },
      { heading: 'CONNECTED', cell: ({ connected }) => (connected ? 'yes' : 'no') },
      { heading: 'BEHIND', cell: ({ matchIndex }) => behind(matchIndex, lastLogIndex), align: 'right' },
    ],
    members,
  );
}

/** In log entries. */
const behind = (matchIndex: number | null, lastLogIndex: number): string =>
  matchIndex === null ? '-' : String(Math.max(0, lastLogIndex - matchIndex));
