import { describe, expect, it } from 'vitest';
import { parseScenario, printScenario } from './scenario-file.js';

const SCENARIO = `# Why this is.
cluster 3
campaign n1
----
n1 campaign

# Afterwards.

status
----
`;

describe('scenario file', () => {
  it('is remarks and blocks of commands, each with its transcript and its line', () => {
    expect(parseScenario(SCENARIO)).toEqual([
      { type: 'remark', lines: ['# Why this is.'] },
      { type: 'block', line: 2, commands: ['cluster 3', 'campaign n1'], transcript: ['n1 campaign'] },
      { type: 'remark', lines: ['# Afterwards.'] },
      { type: 'block', line: 9, commands: ['status'], transcript: [] },
    ]);
  });

  it('is printed as it was read, with a remark right above its commands', () => {
    const printed = printScenario(parseScenario(SCENARIO));
    expect(printed).toBe(SCENARIO.replace('# Afterwards.\n\n', '# Afterwards.\n'));
    expect(printScenario(parseScenario(printed))).toBe(printed);
  });

  it('is refused when commands have no place for a transcript', () => {
    expect(() => parseScenario('# Why.\ncluster 3\n\nstatus\n----\n')).toThrow('line 2: the commands do not end');
  });
});
