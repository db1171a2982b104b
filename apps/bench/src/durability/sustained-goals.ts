import type { ResultSheet } from './result-sheet.js';

/** Of one minute. The database is the largest of all nodes, at its largest. */
export type Minute = { readonly perSecond: number; readonly databaseMebibytes: number };

/** The first warms up, the second is what the last is held against, and the halves must not be the same. */
export const MINUTES_MIN = 4;

const GOALS = {
  lastMinuteShare: 0.9,
  /** The most in the second half of the time over the most in the first: what is bounded has been seen whole by then. */
  databaseGrowth: 1.1,
} as const;

/** Judges throughput and database size over the whole time. `minutes`: at least MINUTES_MIN. */
export function judgeMinutes(minutes: readonly Minute[], sheet: ResultSheet): void {
  const [second, last] = [minutes[1], minutes.at(-1)];
  sheet.atLeast('throughput of the last minute, of the second', {
    measured: (last?.perSecond ?? Number.NaN) / (second?.perSecond ?? Number.NaN),
    limit: GOALS.lastMinuteShare,
    unit: 'times',
  });
  const half = Math.ceil(minutes.length / 2);
  sheet.atMost('largest database, second half to first', {
    measured: mostOf(minutes.slice(half)) / mostOf(minutes.slice(0, half)),
    limit: GOALS.databaseGrowth,
    unit: 'times',
  });
}

const mostOf = (minutes: readonly Minute[]) => Math.max(...minutes.map(({ databaseMebibytes }) => databaseMebibytes));
