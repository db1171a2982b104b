import { Command, InvalidArgumentError } from 'commander';
import { serveBareMember } from './bare-path/bare-member.js';
import { measureBarePath } from './bare-path/measure-bare-path.js';
import { serveEcho } from './budget/floor.js';
import { measureBudget } from './budget/measure-budget.js';
import { compareCommand } from './comparison/compare-command.js';
import { stageCommand } from './comparison/stage-command.js';
import { durabilityCommands } from './durability/durability-commands.js';
import { measureSpeed, type SpeedOptions } from './speed.js';

const program = new Command('bench')
  .description('Measures clusters of three nodes on this machine, fsync on.')
  .addHelpText(
    'after',
    `
rounds, sizes, catch-up and sustained are the measurements of docs/durability.md. They take from several minutes to half
an hour, print what they find on the way, and end with 1 when a goal is missed; \`help <command>\` names a short form.`,
  );

program
  .command('speed', { isDefault: true })
  .description('throughput, latency, idle costs and fail-over: 256 B values over 10,000 keys, one client')
  .option('--quick', 'shorter runs')
  .option('--only <names>', 'idle, put, get, lock, failover (comma separated)', (text: string) => text.split(','))
  .action((options: SpeedOptions) => measureSpeed(options));
for (const command of durabilityCommands()) program.addCommand(command);
program
  .command('budget')
  .description('CPU of client, leader, followers and databases for one put, get and lock; about 4 minutes')
  .option('--seconds <count>', 'of each load', seconds, 15)
  .action((options: { readonly seconds: number }) => measureBudget(options));
program
  .command('bare-path')
  .description(
    'what a write path can do on this machine that does nothing but make puts durable on a majority; about half a minute',
  )
  .option('--seconds <count>', 'of each load', seconds, 10)
  .action((options: { readonly seconds: number }) => measureBarePath(options));
program.command('echo', { hidden: true }).action(serveEcho);
program.command('bare-member', { hidden: true }).action(serveBareMember);
program.addCommand(compareCommand());
program.addCommand(stageCommand(), { hidden: true });

await program.parseAsync();

function seconds(text: string): number {
  const count = Number(text);
  if (!(count > 0)) throw new InvalidArgumentError('It must be a positive number.');
  return count;
}
