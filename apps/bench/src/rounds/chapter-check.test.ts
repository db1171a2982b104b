import { describe, expect, it } from 'vitest';
import { Chapter } from './chapter.js';
import { problemsOfChapter } from './chapter-check.js';

/** Two puts of one key, the second on the condition of the first, both acknowledged and applied. */
function goodChapter(): Chapter {
  const chapter = new Chapter(0);
  for (const [at, revision] of [5, 6].entries()) {
    const write = { key: 'rounds/0/0', value: `v${revision}` };
    const ending = { type: 'ok', returnedAtMs: 10 * at + 5, result: { revision } } as const;
    chapter.operations.push({ type: 'write', client: 'c', ...write, invokedAtMs: 10 * at, ending });
    chapter.applied.push({ revision, ...write });
  }
  chapter.conditionalPuts.push({ key: 'rounds/0/0', expectedRevision: 5, revision: 6 });
  return chapter;
}

const readOf = (value: string, revision: number, invokedAtMs: number): Chapter['operations'][number] => ({
  type: 'read',
  client: 'reader',
  key: 'rounds/0/0',
  invokedAtMs,
  ending: { type: 'ok', returnedAtMs: invokedAtMs + 1, result: { revision, value } },
});

const grant = (holder: string, fencingToken: number, invokedAtMs: number): Chapter['lockOperations'][number] => ({
  client: holder,
  input: { type: 'acquire', lock: 'rounds-0-0', holder },
  invokedAtMs,
  ending: { type: 'ok', returnedAtMs: invokedAtMs + 1, result: { type: 'acquired', fencingToken } },
});

describe('check of a chapter', () => {
  it('finds nothing wrong with a history as promised', () => {
    expect(problemsOfChapter(goodChapter())).toEqual([]);
  });

  it('finds an acknowledged put that the watch never showed', () => {
    const chapter = goodChapter();
    chapter.applied.pop();
    expect(problemsOfChapter(chapter).join()).toContain('acknowledgedWriteLost');
  });

  it('finds a put that replaced what a client had been told, as a lost write whose revision was given again', () => {
    const chapter = goodChapter();
    chapter.applied.splice(1, 1, { revision: 6, key: 'rounds/0/0', value: 'of another client' });
    expect(problemsOfChapter(chapter).join()).toContain('acknowledgedWriteLost');
  });

  it('finds a read that shows what an acknowledged put had replaced before it', () => {
    const chapter = goodChapter();
    chapter.operations.push(readOf('v5', 5, 20));
    // Both checkers see it: by the revision, and by the value alone.
    expect(problemsOfChapter(chapter).join()).toContain('realTimeOrder');
    expect(problemsOfChapter(chapter).join()).toContain('no order of the operations');
  });

  it('finds a read of a value that nobody wrote, whatever its revision', () => {
    const chapter = goodChapter();
    chapter.operations.push(readOf('v7', 6, 20));
    expect(problemsOfChapter(chapter)).not.toEqual([]);
  });

  it('finds a conditional put that replaced another revision than the one it named', () => {
    const chapter = goodChapter();
    chapter.conditionalPuts.push({ key: 'rounds/0/0', expectedRevision: 4, revision: 6 });
    expect(problemsOfChapter(chapter)).toHaveLength(1);
  });

  it('finds a lock with two holders', () => {
    const chapter = goodChapter();
    chapter.lockOperations.push(grant('one', 7, 0), grant('other', 8, 10));
    expect(problemsOfChapter(chapter)).toHaveLength(1);
  });
});
