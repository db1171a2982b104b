import type { Ending, Operation } from '@latchkey/linearizability';
import { KvEntry } from '@latchkey/sdk';
import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.js';

const KEY = 'rounds/0/0';

const put = (value: string, ending: Ending<{ readonly revision: number }>): Operation => ({
  type: 'write',
  client: 'c',
  key: KEY,
  value,
  invokedAtMs: 0,
  ending,
});
const acknowledged = (value: string, revision: number) =>
  put(value, { type: 'ok', returnedAtMs: 1, result: { revision } });
const unanswered = (value: string) => put(value, { type: 'unknown' });

const shown = (value: string, modRevision: number, key = KEY) =>
  new KvEntry({
    key,
    value: new TextEncoder().encode(value),
    createRevision: 2,
    modRevision,
    version: 1,
    lease: null,
    updatedAtMs: 0,
  });

function ledgerOf(...operations: readonly Operation[]): Ledger {
  const ledger = new Ledger();
  ledger.enter(operations);
  return ledger;
}

describe('ledger of acknowledged puts', () => {
  it('is content with the latest acknowledged put, in whatever order the answers came', () => {
    const ledger = ledgerOf(acknowledged('b', 6), acknowledged('a', 5));
    expect(ledger.problems([shown('b', 6)])).toEqual([]);
  });

  it('misses an acknowledged put whose key is gone, or shows what it replaced', () => {
    const ledger = ledgerOf(acknowledged('a', 5), acknowledged('b', 6));
    expect(ledger.problems([])).toHaveLength(1);
    expect(ledger.problems([shown('a', 5)])).toHaveLength(1);
  });

  it('allows a put without an answer to have happened later, or never', () => {
    const ledger = ledgerOf(acknowledged('a', 5), unanswered('b'));
    expect(ledger.problems([shown('a', 5)])).toEqual([]);
    expect(ledger.problems([shown('b', 7)])).toEqual([]);
  });

  it('refuses values and keys that nobody wrote', () => {
    const ledger = ledgerOf(acknowledged('a', 5));
    expect(ledger.problems([shown('x', 5)])).toHaveLength(1);
    expect(ledger.problems([shown('x', 7)])).toHaveLength(1);
    expect(ledger.problems([shown('a', 5), shown('a', 5, 'rounds/0/1')])).toHaveLength(1);
  });

  it('does not expect a key whose only put was never answered', () => {
    expect(ledgerOf(unanswered('a')).problems([])).toEqual([]);
  });
});
