import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import type { KeyVersion } from './key-history.js';
import { RevisionLog } from './revision-log.js';

const FIRST = 2;
const REVISIONS = 3_000;
const MANY_VERSIONS = 25;
const PIECE = 10;

const version = (at: number): KeyVersion => ({
  key: key(`k${at}`),
  content: null,
  modRevision: revision(at),
  updatedAtMs: 0,
});

describe('revision log', () => {
  it('finds what each revision wrote, and forgets from the oldest on', () => {
    const log = new RevisionLog(revision(FIRST));
    for (let at = FIRST; at < FIRST + REVISIONS; at += 1)
      log.append(at % 10 === 0 ? [version(at), version(at)] : [version(at)]);
    for (let at = FIRST; at < FIRST + REVISIONS; at += 1) {
      const written = log.versionsOf(at);
      expect([written.length, written[0]?.modRevision]).toEqual([at % 10 === 0 ? 2 : 1, at]);
      expect(log.dropOldest(REVISIONS)).toEqual(written);
    }
    expect(log.oldestRevision).toBe(FIRST + REVISIONS);
    expect(() => log.versionsOf(FIRST + REVISIONS - 1)).toThrow('not held');
    expect(() => log.versionsOf(FIRST + REVISIONS)).toThrow('not held');
    log.append([version(FIRST + REVISIONS)]);
    expect(log.versionsOf(FIRST + REVISIONS)[0]?.modRevision).toBe(FIRST + REVISIONS);
  });

  it('forgets a revision that wrote much piece by piece, and gives what is left of it', () => {
    const log = new RevisionLog(revision(FIRST));
    const many = Array.from({ length: MANY_VERSIONS }, () => version(FIRST));
    log.append(many);
    log.append([version(FIRST + 1)]);
    expect(log.dropOldest(PIECE)).toEqual(many.slice(0, PIECE));
    expect(log.versionsOf(FIRST)).toEqual(many.slice(PIECE));
    expect([log.dropOldest(PIECE), log.oldestRevision]).toEqual([many.slice(PIECE, 2 * PIECE), FIRST]);
    expect([log.dropOldest(PIECE), log.oldestRevision]).toEqual([many.slice(2 * PIECE), FIRST + 1]);
    expect(log.dropOldest(PIECE)).toEqual([version(FIRST + 1)]);
  });
});
