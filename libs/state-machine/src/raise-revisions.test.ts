import { describe, expect, it } from 'vitest';
import { revision } from './ids.js';
import { raiseRevisions, RESTORE_REVISION_STEP } from './raise-revisions.js';
import type { StateMeta } from './section-rows.js';

const META: StateMeta = {
  position: { index: 900, term: 7 },
  revision: revision(500),
  compactRevision: revision(100),
  hash: { even: 1, odd: 2 },
};
/** What docs/backup.md promises. */
const RESTORES_THAT_FIT = 8_190;

describe('the numbers of a restored state', () => {
  it('lie above all that the old cluster can have given out, with nothing readable below them', () => {
    const raised = raiseRevisions(META);
    expect(raised).toEqual({
      position: { index: RESTORE_REVISION_STEP + 900, term: 8 },
      revision: RESTORE_REVISION_STEP + 500,
      compactRevision: RESTORE_REVISION_STEP + 500,
      hash: { even: 1, odd: 2 },
    });
  });

  it('may be raised again and again, until a number would not be exact any more', () => {
    let meta: StateMeta | null = META;
    let count = 0;
    for (let next = raiseRevisions(meta); next !== null; next = raiseRevisions(next)) {
      expect(next.revision).toBeGreaterThan(meta.revision);
      meta = next;
      count += 1;
    }
    expect(count).toBe(RESTORES_THAT_FIT);
    expect(meta.revision + RESTORE_REVISION_STEP).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });
});
