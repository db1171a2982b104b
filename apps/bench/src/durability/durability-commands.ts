import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { measureRounds, type MeasureRoundsOptions } from '../rounds/measure-rounds.js';
import { measureCatchUp, type CatchUpOptions } from './catch-up.js';
import { withSetting, type NodeSettings } from './node-settings.js';
import type { ResultSheet } from './result-sheet.js';
import { runMeasurement } from './run-measurement.js';
import { measureSizes, type SizesOptions } from './sizes.js';
import { MINUTES_MIN } from './sustained-goals.js';
import { measureSustained, type SustainedOptions } from './sustained.js';

/** As commander names them. */
type Shared = { readonly set: NodeSettings; readonly json?: string };

const SECONDS_PER_MINUTE = 60;

/** What docs/durability.md reports. Each exits with 1 when something was lost, a goal was missed, or it failed. */
export function durabilityCommands(): readonly Command[] {
  return [roundsCommand(), sizesCommand(), catchUpCommand(), sustainedCommand()];
}

function roundsCommand(): Command {
  const command = measuring('rounds', (options: MeasureRoundsOptions, sheet) => measureRounds(options, sheet));
  return command
    .description('kills nodes and databases under load and looks for acknowledged writes that are lost')
    .option('--rounds <count>', 'how many kills', wholeNumber, 200)
    .option('--seed <number>', 'which kills', wholeNumber, 1)
    .addHelpText('after', '\nShort form: --rounds 6. Data and logs of the nodes are kept when a problem is found.');
}

function sizesCommand(): Command {
  const snapshotTo = new Option('--snapshot-to <follower>', 'one with an empty database, or one whose state is old')
    .choices(['wiped', 'outdated'])
    .default('wiped');
  const command = measuring('sizes', (options: SizesOptions, sheet) => measureSizes(options, sheet));
  return command
    .description('memory, restart, speed and snapshot of a large key space')
    .option('--keys <count>', 'of 256 B', wholeNumber, 1_000_000)
    .addOption(snapshotTo)
    .addHelpText('after', '\nShort form: --keys 20000');
}

function catchUpCommand(): Command {
  const command = measuring('catch-up', (options: CatchUpOptions, sheet) => measureCatchUp(options, sheet));
  return command
    .description('a follower comes back that has missed many writes')
    .option('--megabytes <count>', 'that it has missed', wholeNumber, 200)
    .addHelpText('after', '\nShort form: --megabytes 10 --set LATCHKEY_SNAPSHOT_ENTRIES=1000');
}

function sustainedCommand(): Command {
  const command = measuring('sustained', (options: SustainedOptions, sheet) => measureSustained(options, sheet));
  return command
    .description('throughput, database size and memory over time')
    .option('--minutes <count>', `of writing, at least ${MINUTES_MIN}`, minutesNumber, 30)
    .option('--minute-seconds <count>', 'less than 60 for a short form', wholeNumber, SECONDS_PER_MINUTE)
    .addHelpText('after', `\nShort form: --minutes ${MINUTES_MIN} --minute-seconds 5`);
}

/** A command whose options are those of `measure` and the ones that all share. */
function measuring<Options extends { readonly settings: NodeSettings }>(
  name: string,
  measure: (options: Options, sheet: ResultSheet) => Promise<void>,
): Command {
  const set = new Option('--set <name=value>', 'LATCHKEY_… setting of all nodes; again for each')
    .default({}, 'those of the product')
    .argParser(withSetting);
  return new Command(name)
    .option('--json <file>', 'where the result goes', fileToWrite)
    .addOption(set)
    .action(async ({ json, set, ...own }: Shared & Readonly<Record<string, unknown>>) => {
      const options = { ...own, settings: set };
      const isPassed = await runMeasurement({
        command: name,
        options,
        ...(json === undefined ? {} : { json }),
        // Commander has made them by the definition of the command, which it does not know as a type.
        measure: (sheet) => measure(options as unknown as Options, sheet),
      });
      process.exitCode = isPassed ? 0 : 1;
    });
}

/** Better known now than after half an hour. */
function fileToWrite(path: string): string {
  const directory = dirname(resolve(path));
  try {
    accessSync(directory, constants.W_OK);
    return path;
  } catch {
    throw new InvalidArgumentError(`${directory} is no directory that can be written to.`);
  }
}

function minutesNumber(text: string): number {
  const minutes = wholeNumber(text);
  if (minutes < MINUTES_MIN) throw new InvalidArgumentError(`It must be at least ${MINUTES_MIN}.`);
  return minutes;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}
