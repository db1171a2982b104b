import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import { MAX_PART_BYTES } from './row-parts.js';
import { Sessions } from './sessions.js';
import { lease } from './test-support/commands.js';
import type { Outcome } from './outcomes.js';

const ID = lease(1);
const SMALL: Outcome = { type: 'put', revision: revision(5), previous: null };

const big = (parts: number): Outcome => ({
  type: 'put',
  revision: revision(5),
  previous: {
    key: key('a'),
    value: new Uint8Array((parts - 1) * MAX_PART_BYTES + 1),
    createRevision: revision(2),
    modRevision: revision(2),
    version: 1,
    leaseId: null,
    updatedAtMs: 0,
  },
});

function sessionWith(...outcomes: readonly Outcome[]): Sessions {
  const sessions = new Sessions();
  for (const [index, outcome] of outcomes.entries()) sessions.remember(ID, index + 1, outcome);
  return sessions;
}

describe('changes of sessions', () => {
  it('are told once, and the outcomes are recalled before and after', () => {
    const sessions = sessionWith(SMALL, SMALL);
    expect(sessions.takeChanges()).toMatchObject({
      sessions: [],
      gone: [],
      outcomes: [{ sequence: 1 }, { sequence: 2 }],
    });
    sessions.remember(ID, 3, SMALL);
    expect([1, 2, 3, 4].map((sequence) => sessions.recall(ID, sequence))).toEqual([SMALL, SMALL, SMALL, null]);
    expect(sessions.takeChanges()).toEqual({
      sessions: [],
      gone: [],
      outcomes: [{ leaseId: ID, sequence: 3, outcome: SMALL }],
    });
    expect(sessions.takeChanges()).toEqual({ sessions: [], gone: [], outcomes: [] });
  });

  it('leave out what was acknowledged before it was ever told', () => {
    const sessions = sessionWith(SMALL, SMALL);
    sessions.acknowledge(ID, 1);
    expect(sessions.takeChanges()).toMatchObject({
      sessions: [{ acknowledgedThrough: 1 }],
      gone: [],
      outcomes: [{ sequence: 2 }],
    });
    sessions.acknowledge(ID, 1_000_000);
    expect(sessions.takeChanges()).toMatchObject({
      sessions: [{ acknowledgedThrough: 1_000_000 }],
      gone: [{ sequence: 2, fromPart: 0, toPart: 1 }],
      outcomes: [],
    });
  });

  it('name every row of a session that ends, also of those that were acknowledged since', () => {
    const sessions = sessionWith(SMALL, big(3), SMALL);
    sessions.acknowledge(ID, 1);
    sessions.takeChanges();
    sessions.acknowledge(ID, 2);
    sessions.remember(ID, 4, SMALL);
    sessions.end(ID);
    expect(sessions.takeChanges()).toEqual({
      sessions: [{ leaseId: ID, acknowledgedThrough: null }],
      gone: [
        { leaseId: ID, sequence: 2, fromPart: 0, toPart: 3 },
        { leaseId: ID, sequence: 3, fromPart: 0, toPart: 1 },
      ],
      outcomes: [],
    });
  });

  it('never delete and write one row when a session comes back under the id of one that ended', () => {
    const sessions = sessionWith(big(3), SMALL);
    sessions.takeChanges();
    sessions.end(ID);
    sessions.remember(ID, 1, big(2));
    expect(sessions.takeChanges()).toMatchObject({
      gone: [
        { sequence: 1, fromPart: 2, toPart: 3 },
        { sequence: 2, fromPart: 0, toPart: 1 },
      ],
      outcomes: [{ sequence: 1 }],
    });
  });
});
