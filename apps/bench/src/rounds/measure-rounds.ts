import type { NodeSettings } from '../durability/node-settings.js';
import type { ResultSheet } from '../durability/result-sheet.js';
import { runRounds } from './rounds.js';

export type MeasureRoundsOptions = { readonly rounds: number; readonly seed: number; readonly settings: NodeSettings };

const MS_PER_SECOND = 1_000;

/** Kills under load, and judges what is left of the acknowledged writes: a problem is any that the checkers find. */
export async function measureRounds(options: MeasureRoundsOptions, sheet: ResultSheet): Promise<void> {
  const { rounds: wanted, seed } = options;
  console.log(`${wanted} rounds with seed ${seed}`);
  const summary = await runRounds({ ...options, log: (line) => console.log(line) });
  const { rounds, problems, acknowledgedPuts, unknownPuts, lockGrants, unaskedEnds } = summary;
  for (const problem of problems) console.log(`PROBLEM: ${problem}`);
  console.log(
    `${rounds.length} rounds: ${acknowledgedPuts} puts acknowledged, ${unknownPuts} without an answer, ` +
      `${lockGrants} locks granted, ${unaskedEnds} nodes ended by themselves`,
  );
  for (const [name, value] of Object.entries(summary)) sheet.record(name, value);
  const longest = (times: readonly number[]) => Math.max(0, ...times) / MS_PER_SECOND;
  sheet.record('longest time without a write, s', longest(rounds.map(({ longestGapMs }) => longestGapMs)));
  sheet.record('longest until all were ready, s', longest(rounds.map(({ readyAfterMs }) => readyAfterMs)));
  sheet.atLeast('rounds', { measured: rounds.length, limit: wanted, unit: '' });
  sheet.atMost('problems', { measured: problems.length, limit: 0, unit: '' });
  // Without them nothing was put to the test.
  sheet.atLeast('acknowledged puts', { measured: acknowledgedPuts, limit: wanted, unit: '' });
  sheet.atLeast('locks granted', { measured: lockGrants, limit: 1, unit: '' });
}
