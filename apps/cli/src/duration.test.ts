import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from './duration.js';

describe('durations on the command line', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('reads %s', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it('refuses a bare number and says how to write it', () => {
    expect(() => parseDurationMs('10')).toThrow('duration "10" has no unit: write 10s or 10ms');
  });

  it.each(['', 's', '-1s', '10 s', '10sec', '1e3ms', 'ten'])('refuses %j with an example', (text) => {
    expect(() => parseDurationMs(text)).toThrow(/write for example 500ms, 10s or 5m/);
  });

  it('refuses what no timer can wait', () => {
    expect(() => parseDurationMs('25d')).toThrow(/too long/);
  });
});

describe('durations shown to people', () => {
  it.each([
    [0, '0 ms'],
    [-5, '0 ms'],
    [999.4, '999 ms'],
    [1_000, '1.0 s'],
    [59_999, '59.9 s'],
    [60_000, '1 m'],
    [250_000, '4 m 10 s'],
    [7_500_000, '2 h 5 m'],
    [273_600_000, '3 d 4 h'],
  ])('shows %d as %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});
