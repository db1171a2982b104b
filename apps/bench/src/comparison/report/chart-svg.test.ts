import { describe, expect, it } from 'vitest';
import type { ResultRow } from '../comparison-results.js';
import { spreadOf } from '../spread.js';
import { WORKLOAD_NAMES } from '../workload-names.js';
import { chartSvg } from './chart-svg.js';

const TITLE = { title: 'Ours & theirs', subtitles: ['a < b'] };
const ROW: ResultRow = {
  workload: WORKLOAD_NAMES.load('put', 64),
  quantity: 'perSecond',
  bySystem: new Map([
    ['latchkey', spreadOf([1_000, 2_000, 4_000])],
    ['etcd', spreadOf([500])],
  ]),
};

const widthsOfBars = (svg: string) =>
  [...svg.matchAll(/<rect x="\d+"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));

describe('chart', () => {
  it('draws every bar from zero to one scale, which leaves room for the best run', () => {
    const [ours = 0, theirs = 0, ...others] = widthsOfBars(chartSvg([ROW], TITLE));
    expect(others).toEqual([]);
    expect(ours / theirs).toBeCloseTo(4, 0);
  });

  it('writes values and advantages next to the bars', () => {
    const svg = chartSvg([ROW], TITLE);
    expect(svg).toContain('2,000');
    expect(svg).toContain('×4.0');
    expect(svg).toContain('higher is better');
  });

  it('shows only what belongs on it, and stays valid with any text', () => {
    const svg = chartSvg([{ ...ROW, workload: 'something else' }], TITLE);
    expect(widthsOfBars(svg)).toEqual([]);
    expect(svg).toContain('Ours &amp; theirs');
    expect(svg).toContain('a &lt; b');
  });
});
