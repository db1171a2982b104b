import { logIndex, readId, term, type Term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import type { LeaderView } from './leader-view.js';
import { ReadRounds } from './read-rounds.js';

const RETRY_DELAY_MS = 10;
const DEADLINE_MS = 100;
const LEADING: LeaderView = { role: 'leader', term: term(2), leaderId: null };
const FOLLOWING: LeaderView = { role: 'follower', term: term(3), leaderId: null };

function setUp() {
  const rounds = new ReadRounds({ retryDelayMs: RETRY_DELAY_MS, maxWaiting: 3, firstReadId: 1 });
  const answers: string[] = [];
  const join = (name: string, leaderTerm: Term | null = null): void =>
    rounds.join({
      deadlineMs: DEADLINE_MS,
      leaderTerm,
      resolve: (index) => answers.push(`${name} at ${index}`),
      reject: (error) => answers.push(`${name} ${error.code}`),
    });
  return { rounds, answers, join };
}

describe('read rounds, Raft thesis §6.4', () => {
  it('serves all who wait with one attempt; who comes during it joins the next', () => {
    const { rounds, answers, join } = setUp();
    join('a');
    join('b');
    expect(rounds.begin(0)).toBe(1);
    join('late');
    expect(rounds.begin(0)).toBeNull();
    rounds.complete(readId(1), logIndex(7), FOLLOWING);
    expect(answers).toEqual(['a at 7', 'b at 7']);
    expect(rounds.begin(0)).toBe(2);
    rounds.complete(readId(2), logIndex(8), FOLLOWING);
    expect(answers.at(-1)).toBe('late at 8');
  });

  it('repeats a failed attempt later and with a fresh id, so a late answer to the old one counts for nothing', () => {
    const { rounds, answers, join } = setUp();
    join('a');
    rounds.begin(0);
    rounds.fail(readId(1), 5);
    expect(rounds.begin(5)).toBeNull();
    expect(rounds.nextDeadlineMs()).toBe(5 + RETRY_DELAY_MS);
    expect(rounds.begin(5 + RETRY_DELAY_MS)).toBe(2);
    rounds.complete(readId(1), logIndex(3), FOLLOWING);
    expect(answers).toEqual([]);
  });

  it('repeats at once when a leader appears', () => {
    const { rounds, join } = setUp();
    join('a');
    rounds.begin(0);
    rounds.fail(readId(1), 0);
    rounds.leaderChanged(FOLLOWING);
    expect(rounds.begin(0)).toBe(2);
  });

  it('gives up at the deadline, and an attempt for nobody keeps nobody waiting', () => {
    const { rounds, answers, join } = setUp();
    join('a');
    rounds.begin(0);
    rounds.expire(DEADLINE_MS);
    expect(answers).toEqual(['a NO_LEADER']);
    rounds.join({ deadlineMs: 2 * DEADLINE_MS, leaderTerm: null, resolve: () => undefined, reject: () => undefined });
    expect(rounds.begin(DEADLINE_MS)).toBe(2);
  });

  it('confirms leadership only while the asker still leads in the same term', () => {
    const { rounds, answers, join } = setUp();
    join('still', term(2));
    rounds.begin(0);
    rounds.complete(readId(1), logIndex(4), LEADING);
    join('deposed', term(2));
    rounds.begin(0);
    rounds.leaderChanged(FOLLOWING);
    join('elected again', term(1));
    rounds.begin(0);
    rounds.complete(readId(2), logIndex(4), LEADING);
    rounds.complete(readId(3), logIndex(4), LEADING);
    expect(answers).toEqual(['still at 4', 'deposed NO_LEADER', 'elected again NO_LEADER']);
  });

  it('refuses more than its limit', () => {
    const { answers, join } = setUp();
    for (const name of ['a', 'b', 'c', 'd']) join(name);
    expect(answers).toEqual(['d OVERLOADED']);
  });
});
