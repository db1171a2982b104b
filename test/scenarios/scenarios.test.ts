import { describe, expect, it } from 'vitest';
import { runScenario } from './runner/run-scenario.js';
import { readScenario, scenarioNames } from './runner/scenario-store.js';

describe('scenarios of the Raft core (npm run scenarios -- --rewrite, then review the diff)', () => {
  it.each(scenarioNames())('%s ends, word for word, in the transcript that was reviewed', (name) => {
    const text = readScenario(name);
    expect(runScenario(text)).toBe(text);
  });

  it('begin with what they are about, in plain words', () => {
    expect(scenarioNames().filter((name) => !readScenario(name).startsWith('# '))).toEqual([]);
  });

  it('give the same transcript each time', () => {
    const text = readScenario('election-first-leader.txt');
    expect(runScenario(text)).toBe(runScenario(text));
  });
});
