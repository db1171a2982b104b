import { Command, InvalidArgumentError } from 'commander';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_SYSTEMS } from '../peers/all-systems.js';
import { SYSTEM_NAMES, type System, type SystemName } from '../peers/system.js';
import { DEFAULT_RUNS, FULL_SETTINGS, LARGE_KEY_COUNT, QUICK_RUNS, QUICK_SETTINGS } from './comparison-settings.js';
import { describeMachine, isMemoryFolder } from './machine.js';
import { QUANTITIES, formatValue, type Sample } from './quantity.js';
import { chartSvg } from './report/chart-svg.js';
import { resultJson, type ComparisonReport } from './report/result-json.js';
import { resultSummary } from './report/result-summary.js';
import { resultTable } from './report/result-table.js';
import { runComparison, type ComparisonListener } from './run-comparison.js';
import { WORKLOAD_CHOICES } from './workloads/all-workloads.js';

const DEFAULT_OUT = join('docs', 'benchmarks');

type CompareFlags = {
  readonly quick?: boolean;
  readonly large?: boolean;
  readonly only?: readonly string[];
  readonly systems: readonly SystemName[];
  readonly runs?: number;
  readonly out: string;
  readonly dataFolder: string;
  readonly date?: string;
};

/** The same work against Latchkey and every peer that is installed, with a table, JSON and a chart. */
export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Runs the same work against Latchkey and each peer that is installed, one at a time, three members each.',
    )
    .option('--quick', 'about two minutes: one short run, without the slowest workloads')
    .option('--large', 'growth up to a million keys as well')
    .option('--only <workloads>', WORKLOAD_CHOICES.join(', '), listOf(WORKLOAD_CHOICES))
    .option('--systems <names>', SYSTEM_NAMES.join(', '), listOf(SYSTEM_NAMES), SYSTEM_NAMES)
    .option('--runs <count>', `default ${DEFAULT_RUNS}, ${QUICK_RUNS} when quick`, positiveInteger)
    .option('--out <folder>', 'where JSON and SVG go', DEFAULT_OUT)
    .option('--data-folder <folder>', 'where the members keep their data while they run', tmpdir())
    .option('--date <date>', 'for the file names; default today')
    .action(compare);
}

async function compare(flags: CompareFlags): Promise<void> {
  const quick = flags.quick === true;
  const runs = flags.runs ?? (quick ? QUICK_RUNS : DEFAULT_RUNS);
  const base = quick ? QUICK_SETTINGS : FULL_SETTINGS;
  const settings = flags.large === true ? { ...base, growthKeys: [...base.growthKeys, LARGE_KEY_COUNT] } : base;
  const machine = describeMachine();
  if (await isMemoryFolder(flags.dataFolder)) {
    throw new Error(`${flags.dataFolder} is in memory, where fsync costs nothing: choose another --data-folder`);
  }
  const startedAt = new Date().toISOString();
  const { systems, skipped } = installed(flags.systems);
  for (const { name, missing } of skipped) console.log(`${name} is skipped: ${missing} is not installed`);

  const plan = { systems, only: flags.only ?? null, quick, runs, settings, dataFolder: flags.dataFolder };
  const { results, failures } = await runComparison(plan, progress(runs));

  const rows = results.rows();
  const versions = await Promise.all(systems.map((system) => system.version()));
  const described = systems.map(({ name, title }, position) => ({ name, title, version: versions[position] ?? '' }));
  const mode = quick ? 'quick' : 'full';
  const report = { startedAt, mode, runs, settings, machine, systems: described, skipped, failures, rows } as const;
  console.log(
    `\n${resultTable(
      rows,
      systems.map(({ name }) => name),
    )}`,
  );
  console.log(resultSummary(rows, failures));
  writeFiles(flags, report);
}

function installed(names: readonly SystemName[]): {
  readonly systems: readonly System[];
  readonly skipped: readonly { readonly name: SystemName; readonly missing: string }[];
} {
  const systems = SYSTEM_NAMES.filter((name) => names.includes(name)).map((name) => ALL_SYSTEMS[name]);
  const checked = systems.map((system) => ({ system, missing: system.missing() }));
  return {
    systems: checked.filter(({ missing }) => missing === null).map(({ system }) => system),
    skipped: checked.flatMap(({ system, missing }) => (missing === null ? [] : [{ name: system.name, missing }])),
  };
}

function progress(runs: number): ComparisonListener {
  return {
    began: ({ title }, stage, run) => console.log(`\n${title}, ${stage}, run ${run + 1} of ${runs}`),
    measured: (samples) => {
      for (const line of samples.map(describeSample)) console.log(`  ${line}`);
    },
    failed: ({ workload, message }) => console.log(`  ${workload} failed: ${message}`),
  };
}

function describeSample({ workload, quantity, value }: Sample): string {
  const { label, unit } = QUANTITIES[quantity];
  return `${workload}, ${label}: ${formatValue(quantity, value)} ${unit}`.trimEnd();
}

function writeFiles(flags: CompareFlags, report: ComparisonReport): void {
  const date = flags.date ?? report.startedAt.slice(0, 10);
  const base = join(flags.out, report.mode === 'quick' ? `${date}-quick` : date);
  const { cpu, cores, kernel, node } = report.machine;
  const chart = chartSvg(report.rows, {
    title: 'Latchkey and its peers, side by side',
    subtitles: [
      `${date} · ${report.runs === 1 ? 'one run' : `median of ${report.runs} runs, whiskers from least to most`} · 3 members on one machine, data on disk, default durability, 256 B values, 10,000 keys, one Node client`,
      `×n: Latchkey is n times as good · redis is one unreplicated server, NATS acknowledges before fsync · ${cores} × ${cpu}, Linux ${kernel}, Node ${node}`,
    ],
  });
  mkdirSync(flags.out, { recursive: true });
  writeFileSync(`${base}.json`, resultJson(report));
  writeFileSync(`${base}.svg`, chart);
  console.log(`\nWritten: ${base}.json, ${base}.svg`);
}

function listOf<Name extends string>(choices: readonly Name[]): (words: string) => readonly Name[] {
  return (words) =>
    words.split(',').map((word) => {
      const choice = choices.find((known) => known === word.trim());
      if (choice === undefined) throw new InvalidArgumentError(`${word} is none of ${choices.join(', ')}.`);
      return choice;
    });
}

function positiveInteger(words: string): number {
  if (!/^[1-9]\d*$/.test(words)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(words);
}
