import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import { KeyHistory, isTombstone, type KeyVersion } from './key-history.js';
import { StoredRecord } from './stored-record.js';

const SEED = 20_261_123;
const HISTORIES = 300;
const MAX_VERSIONS = 40;
const KEY = key('a');

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

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

describe('history of a key', () => {
  it('drops exactly what cannot be seen any more, however far compaction has come since the last time', () => {
    const random = randomFrom(SEED);
    for (let history = 0; history < HISTORIES; history += 1) {
      let modRevision = 0;
      const versions = Array.from({ length: 1 + random(MAX_VERSIONS) }, () => {
        modRevision += 1 + random(5);
        return random(4) === 0 ? tombstone(modRevision) : record(modRevision);
      });
      const kept = new KeyHistory([...versions]);
      let left: KeyVersion[] = versions;
      for (let compacted = 0; left.length > 0 && compacted <= modRevision; compacted += 1 + random(modRevision)) {
        const expected = visible(left, compacted);
        expect(kept.dropBefore(revision(compacted))).toEqual(left.filter((version) => !expected.includes(version)));
        expect(versions.filter((version) => kept.holds(version))).toEqual(expected);
        expect(kept.length).toBe(expected.length);
        left = expected;
      }
    }
  });
});
