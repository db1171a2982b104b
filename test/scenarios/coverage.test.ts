import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scenarioNames } from './runner/scenario-store.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TABLE = readFileSync(fileURLToPath(new URL('COVERAGE.md', import.meta.url)), 'utf8');
const NOT_OFFERED = 'not offered: ';

/** The situations with what shows them. */
const rows = TABLE.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| Situation'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, situation = '', shownBy = '']) => ({ situation, shownBy }));

const scenariosIn = (text: string): string[] => [...text.matchAll(/`([^`]+\.txt)`/g)].map(([, name = '']) => name);

const testsIn = (text: string): { path: string; name: string }[] =>
  [...text.matchAll(/`([^`]+\.test\.ts)` "([^"]+)"/g)].map(([, path = '', name = '']) => ({ path, name }));

/** By its own name: what `it` or `it.each` is given, in either kind of quotes. */
function hasTest({ path, name }: { readonly path: string; readonly name: string }): boolean {
  return existsSync(`${ROOT}/${path}`) && readFileSync(`${ROOT}/${path}`, 'utf8').includes(`'${name}'`);
}

describe('table of what the scenarios cover (COVERAGE.md)', () => {
  it('names a scenario, a test or a reason for every situation', () => {
    expect(rows.length).toBeGreaterThan(0);
    const unshown = rows.filter(
      ({ shownBy }) => scenariosIn(shownBy).length + testsIn(shownBy).length === 0 && !shownBy.startsWith(NOT_OFFERED),
    );
    expect(unshown).toEqual([]);
  });

  it('names scenarios that exist, and all of them', () => {
    expect([...new Set(scenariosIn(TABLE))].toSorted()).toEqual(scenarioNames());
  });

  it('names tests that exist', () => {
    expect(testsIn(TABLE).filter((test) => !hasTest(test))).toEqual([]);
  });

  it('would notice a test that is not there', () => {
    const path = 'libs/raft/src/election.test.ts';
    expect(hasTest({ path, name: 'keeps a leader from being disturbed' })).toBe(true);
    expect(hasTest({ path, name: 'a test of that name' })).toBe(false);
    expect(hasTest({ path: 'libs/raft/src/no-such.test.ts', name: 'keeps a leader from being disturbed' })).toBe(false);
  });
});
