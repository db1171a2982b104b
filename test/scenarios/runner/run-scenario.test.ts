import { describe, expect, it } from 'vitest';
import { runScenario } from './run-scenario.js';

const LEADER = 'cluster 3\nquietly campaign n1\nquietly stabilize';

const blockOf = (...commands: readonly string[]): string => `${[LEADER, ...commands].join('\n')}\n----\n`;

describe('running a scenario', () => {
  it('writes what each command caused under its block', () => {
    const text = runScenario(blockOf('propose n2 a', 'status n1'));
    expect(text).toContain(
      '----\n> propose n2 a\nn2 propose  p1 a\n  propose   p1 is refused: notLeader\n> status n1\n',
    );
  });

  it('says ok where there is nothing to tell', () => {
    expect(runScenario(blockOf())).toBe(`${LEADER}\n----\nok\n`);
  });

  it('throws a transcript away that is not true any more', () => {
    expect(runScenario(`${blockOf()}not what happens\n`)).toBe(`${LEADER}\n----\nok\n`);
  });

  it.each([
    ['fly n1', 'line 4: there is no command fly'],
    ['drop n1->n2', 'line 4: drop n1->n2: no such message is on its way'],
    ['propose n9 a', 'line 4: propose n9 a: there is no n9'],
    ['heartbeat n2', 'line 4: heartbeat n2: n2 does not lead'],
    ['crash n1 n2', 'line 4: crash n1 n2: cannot understand n2'],
    ['disk n1 eject', 'line 4: disk n1 eject: expected hold or one or release'],
  ])('stops at a command that cannot be done, and names its line: %s', (command, message) => {
    expect(() => runScenario(blockOf(command))).toThrow(message);
  });

  it('stops when a promise of Raft is broken: here somebody has forged the disks', () => {
    const forged = 'cluster 3\ngiven n1 log=1,2\ngiven n2 log=1,1\ngiven n3 log=2,2\n----\n';
    expect(() => runScenario(forged)).toThrow('line 4: given n3 log=2,2: two entries 2/2 differ, the second on n3');
  });
});
