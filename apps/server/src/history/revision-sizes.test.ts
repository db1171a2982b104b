import { revision, type ApplyResult } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { keyOfText } from '../commands/key-text.js';
import { RevisionSizes } from './revision-sizes.js';

const KEY = keyOfText('a');
const MAX_BYTES = 1_000;

/** One put, which takes `bytes` with its key. */
function put(at: number, bytes: number): Pick<ApplyResult, 'revisions'> {
  const record = {
    key: KEY,
    value: new Uint8Array(bytes - KEY.length),
    createRevision: revision(at),
    modRevision: revision(at),
    version: 1,
    leaseId: null,
    updatedAtMs: 0,
  };
  const events = [{ type: 'put', record, previous: null } as const];
  return { revisions: [{ revision: revision(at), proposedAtMs: 0, events }] };
}

describe('the size of history', () => {
  it('is no excess while it is within the limit', () => {
    const sizes = new RevisionSizes(MAX_BYTES);
    for (let at = 1; at <= 10; at += 1) sizes.note(put(at, 100));
    expect(sizes.latestExcess()).toBeNull();
  });

  it('is an excess up to the last revision behind which the limit is reached', () => {
    const sizes = new RevisionSizes(MAX_BYTES);
    for (let at = 1; at <= 25; at += 1) sizes.note(put(at, 100));
    expect(sizes.latestExcess()).toBe(15);
  });

  it('of one value that is larger than the limit leaves only that', () => {
    const sizes = new RevisionSizes(MAX_BYTES);
    sizes.note(put(1, 100));
    sizes.note(put(2, 5_000));
    expect(sizes.latestExcess()).toBe(1);
  });

  it('is not changed by an entry that writes nothing', () => {
    const sizes = new RevisionSizes(MAX_BYTES);
    sizes.note(put(1, 100));
    sizes.note({ revisions: [] });
    expect(sizes.latestExcess()).toBeNull();
  });
});
