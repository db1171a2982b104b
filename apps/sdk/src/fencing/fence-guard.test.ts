import { describe, expect, it } from 'vitest';
import type { SqlRunner } from './fence-guard.js';
import { StaleFencingTokenError, fencedWrite } from './fence-guard.js';

const FENCE = { resource: 'orders/42', token: 7 };

/** Answers the fence's statement as told, everything else with nothing, and notes what it was asked. */
function database(fenceAnswer: unknown): SqlRunner & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    query: (text) => {
      asked.push(text.split(' ')[0] ?? '');
      return Promise.resolve(text.startsWith('INSERT') ? fenceAnswer : { rows: [] });
    },
  };
}

describe('fenced write (FAILURE-MODES 36)', () => {
  it('writes between the fence and the commit when the token is the newest', async () => {
    const sql = database({ rows: [{ token: '7' }] });
    await fencedWrite(sql, FENCE, () => sql.query('WRITE'));
    expect(sql.asked).toEqual(['BEGIN', 'INSERT', 'WRITE', 'COMMIT']);
  });

  it('writes nothing when a newer token has been seen', async () => {
    const sql = database({ rows: [] });
    await expect(fencedWrite(sql, FENCE, () => sql.query('WRITE'))).rejects.toBeInstanceOf(StaleFencingTokenError);
    expect(sql.asked).toEqual(['BEGIN', 'INSERT', 'ROLLBACK']);
  });

  it('understands the rows alone, as TypeORM answers them', async () => {
    const stale = database([]);
    await expect(fencedWrite(stale, FENCE, () => stale.query('WRITE'))).rejects.toBeInstanceOf(StaleFencingTokenError);
  });

  it('throws the error of the write, not of what follows it', async () => {
    const sql = database({ rows: [{}] });
    const failing = {
      ...sql,
      query: (text: string) => (text === 'ROLLBACK' ? Promise.reject(new Error('gone')) : sql.query(text)),
    };
    const write = (): Promise<never> => Promise.reject(new Error('constraint'));
    await expect(fencedWrite(failing, FENCE, write)).rejects.toThrow('constraint');
  });
});
