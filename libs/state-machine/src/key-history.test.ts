import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import { KeyHistory, isTombstone, type KeyVersion } from './key-history.js';
import { StoredRecord } from './stored-record.js';

const SEED = 20_261_123;
const HISTORIES = 300;
const MAX_VERSIONS = 40;
/** Of compaction at once, so that it also passes many versions. */
const MAX_ADVANCE = 60;
const KEY = key('a');

const record = (modRevision: number): KeyVersion =>
  new StoredRecord({
    key: KEY,
    content: new Uint8Array(0),
    createRevision: revision(modRevision),
    modRevision: revision(modRevision),
    version: 1,
    leaseId: null,
    updatedAtMs: 0,
  });

const tombstone = (modRevision: number): KeyVersion => ({
  key: KEY,
  content: null,
  modRevision: revision(modRevision),
  updatedAtMs: 0,
});

/** What is visible at `compactRevision` or later, by looking at each version. */
function visible(versions: readonly KeyVersion[], compactRevision: number): KeyVersion[] {
  const current = versions.filter(({ modRevision }) => modRevision <= compactRevision).at(-1);
  return versions.filter(
    (version) => version.modRevision > compactRevision || (version === current && !isTombstone(version)),
  );
}

const arbitraryHistory = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 5 }), isDeletion: fc.boolean() }), {
    minLength: 1,
    maxLength: MAX_VERSIONS,
    size: 'max',
  })
  .map((steps) => {
    let modRevision = 0;
    return steps.map(({ gap, isDeletion }) => {
      modRevision += gap;
      return isDeletion ? tombstone(modRevision) : record(modRevision);
    });
  });
const arbitraryAdvances = fc.array(fc.nat({ max: MAX_ADVANCE }), {
  minLength: 1,
  maxLength: MAX_VERSIONS,
  size: 'max',
});

describe('history of a key', () => {
  it('drops exactly what cannot be seen any more, however far compaction has come since the last time', () => {
    fc.assert(
      fc.property(arbitraryHistory, arbitraryAdvances, (versions, advances) => {
        const history = new KeyHistory([...versions]);
        let left: readonly KeyVersion[] = versions;
        let compacted = 0;
        for (const advance of advances) {
          compacted += advance;
          const expected = visible(left, compacted);
          expect(history.dropBefore(revision(compacted))).toEqual(
            left.filter((version) => !expected.includes(version)),
          );
          expect(versions.filter((version) => history.holds(version))).toEqual(expected);
          expect(history.length).toBe(expected.length);
          if (expected.length === 0) return;
          left = expected;
        }
      }),
      { seed: SEED, numRuns: HISTORIES },
    );
  });
});
