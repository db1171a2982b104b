import type { TransferResult } from '@latchkey/contracts';
import type { Command } from 'commander';
import { requestJson } from '../client/http-client.js';
import type { Output } from '../output/output.js';
import { globalOptions } from './global-options.js';

export function addTransferLeaderCommand(program: Command, output: Output): void {
  program
    .command('transfer-leader')
    .summary('hand leadership to another node')
    .description('Hands leadership to another voter without an outage, such as before maintenance of the leader.')
    .option('--to <id>', 'to this node; otherwise to the voter that is furthest')
    .action(async ({ to }: { readonly to?: string }, command: Command) => {
      const options = globalOptions(command);
      const body = to === undefined ? {} : { to };
      const answer = await requestJson(options, { method: 'POST', path: '/v1/leadership/transfer', body });
      // The wire contract of the path.
      const { leaderId } = answer as TransferResult;
      if (options.json) output.json({ leaderId });
      else output.line(`${leaderId} leads`);
    });
}
