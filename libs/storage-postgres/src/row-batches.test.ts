import { describe, expect, it } from 'vitest';
import { InvariantViolation } from '@latchkey/raft';
import type { StateRow } from '@latchkey/replica';
import { batchesOf, MAX_STATEMENT_BYTES, MAX_STATEMENT_ROWS, pagesFrom } from './row-batches.js';

function rows(count: number, byteCount = 1): StateRow[] {
  return Array.from({ length: count }, (_, at) => ({ key: Buffer.from(`${at}`), value: new Uint8Array(byteCount) }));
}

function sizesOf(pages: readonly (readonly StateRow[])[]): number[] {
  return [...batchesOf(pages)].map((batch) => batch.length);
}

describe('batches of rows for one statement', () => {
  it('put small pages together and cut large ones, in order and with nothing lost', () => {
    const pages = [rows(10), rows(0), rows(MAX_STATEMENT_ROWS * 2), rows(5)];
    expect(sizesOf(pages)).toEqual([MAX_STATEMENT_ROWS, MAX_STATEMENT_ROWS, 15]);
    expect([...batchesOf(pages)].flat()).toEqual(pages.flat());
  });

  it('end where they would become too large, and never cut a row', () => {
    expect(sizesOf([rows(5, MAX_STATEMENT_BYTES / 2)])).toEqual([2, 2, 1]);
    expect(sizesOf([rows(3, 2 * MAX_STATEMENT_BYTES)])).toEqual([1, 1, 1]);
  });

  it('ask for a page only when it is needed, so that it is made late', () => {
    const made: number[] = [];
    const pages = (function* () {
      for (let page = 1; page <= 3; page += 1) {
        made.push(page);
        yield rows(MAX_STATEMENT_ROWS);
      }
    })();
    const batches = batchesOf(pages)[Symbol.iterator]();
    batches.next();
    expect(made).toEqual([1]);
  });

  it('call a state machine that cannot give its rows a bug, which no retry would help', () => {
    const broken = (function* (): Iterable<StateRow[]> {
      yield rows(1);
      throw new Error('no rows');
    })();
    expect(() => [...pagesFrom(broken)]).toThrow(InvariantViolation);
  });
});
