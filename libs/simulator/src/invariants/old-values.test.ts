import { logIndex, term } from '@latchkey/raft';
import { key, revision } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { FIRST_MEMBERSHIP, N1, watched } from '../test-support/facts.js';
import type { MissingValueFact } from './invariant.js';
import { OldValues } from './old-values.js';

const checkpointAt = (index: number) => ({ index: logIndex(index), term: term(1), membership: FIRST_MEMBERSHIP });

/** A value that n1, which has applied ten entries, has found nowhere. */
const missing: MissingValueFact = {
  node: N1,
  record: { key: key('a'), modRevision: revision(4) },
  isReadable: true,
  appliedIndex: logIndex(10),
  disk: { checkpoint: checkpointAt(8), damage: null },
};

describe('old values', () => {
  it('objects to one that is neither in memory nor on the disk', () => {
    const { invariant, reports } = watched((report) => new OldValues(report));
    invariant.valueMissing(missing);
    invariant.valueMissing({ ...missing, disk: { checkpoint: null, damage: null } });
    expect(reports).toHaveLength(2);
  });

  it.each([
    ['that was compacted', { isReadable: false }],
    ['whose node is about to be restored by a later state', { disk: { checkpoint: checkpointAt(11), damage: null } }],
    ['whose disk was taken away', { disk: { checkpoint: null, damage: { type: 'lost' } } }],
  ] as const)('does not miss one %s', (_name, change) => {
    const { invariant, reports } = watched((report) => new OldValues(report));
    invariant.valueMissing({ ...missing, ...change });
    expect(reports).toEqual([]);
  });
});
