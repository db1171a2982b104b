import { usageError } from './cli-error.js';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** Longest duration that a timer or a lease takes (2^31 - 1 ms, about 24.8 days). */
export const MAX_DURATION_MS = 2_147_483_647;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const BARE_NUMBER = /^\d+(?:\.\d+)?$/;

function isUnit(text: string | undefined): text is Unit {
  return text !== undefined && text in UNIT_MS;
}

/**
 * `500ms`, `10s`, `1.5m` → whole milliseconds. A bare number is refused: half of its readers would mean seconds, the other
 * half milliseconds.
 * @throws CliError (usage) naming what was written
 */
export function parseDurationMs(text: string): number {
  if (BARE_NUMBER.test(text)) throw usageError(`duration "${text}" has no unit: write ${text}s or ${text}ms`);
  const match = DURATION.exec(text);
  const unit = match?.[2];
  if (!match || !isUnit(unit)) throw usageError(`"${text}" is not a duration: write for example 500ms, 10s or 5m`);
  const durationMs = Math.round(Number(match[1]) * UNIT_MS[unit]);
  if (durationMs > MAX_DURATION_MS) throw usageError(`duration "${text}" is too long: the longest is 24d`);
  return durationMs;
}

const SHORT_MS = 1_000;
const SECONDS_WITH_TENTHS_MS = 60_000;

/** For people: `850 ms`, `12.3 s`, `4 m 10 s`, `2 h 5 m`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < SHORT_MS) return `${Math.round(ms)} ms`;
  if (ms < SECONDS_WITH_TENTHS_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const steps: readonly [Unit, Unit][] = [
    ['d', 'h'],
    ['h', 'm'],
    ['m', 's'],
  ];
  for (const [large, small] of steps) {
    if (ms < UNIT_MS[large]) continue;
    const whole = Math.floor(ms / UNIT_MS[large]);
    const rest = Math.floor((ms % UNIT_MS[large]) / UNIT_MS[small]);
    return rest === 0 ? `${whole} ${large}` : `${whole} ${large} ${rest} ${small}`;
  }
  return `${Math.round(ms)} ms`;
}
