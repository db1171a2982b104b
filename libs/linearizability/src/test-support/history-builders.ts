import type { AppliedWrite, Operation, ReadOperation, WriteOperation } from '../history.js';

export type Interval = readonly [invokedAtMs: number, returnedAtMs: number];
type Where = { readonly client?: string; readonly key?: string };

export const put = (value: string, interval: Interval, revision: number, where: Where = {}): WriteOperation =>
  write(value, interval, revision, where);

export const remove = (interval: Interval, revision: number, where: Where = {}): WriteOperation =>
  write(null, interval, revision, where);

export const read = (
  value: string | null,
  [invokedAtMs, returnedAtMs]: Interval,
  revision: number,
  { client = 'b', key = 'k' }: Where = {},
): ReadOperation => ({
  type: 'read',
  client,
  key,
  invokedAtMs,
  ending: { type: 'ok', returnedAtMs, result: { revision, value } },
});

export const unanswered = (operation: WriteOperation): WriteOperation => ({
  ...operation,
  ending: { type: 'unknown' },
});

export const refused = (operation: WriteOperation): WriteOperation => {
  const returnedAtMs = operation.ending.type === 'unknown' ? operation.invokedAtMs : operation.ending.returnedAtMs;
  return { ...operation, ending: { type: 'failed', returnedAtMs } };
};

/** Writes of the key k at the revisions from 2 on. */
export const applied = (...values: (string | null)[]): AppliedWrite[] =>
  values.map((value, position) => ({ revision: position + 2, key: 'k', value }));

/** So that a revision is there, but not for the key under test. */
export const elsewhere = (revision: number): AppliedWrite => ({ revision, key: 'another', value: `at ${revision}` });

/** Who wrote what stands elsewhere, long before. */
export const writerElsewhere = (revision: number): Operation =>
  unanswered(put(`at ${revision}`, [0, 0], revision, { client: 'z', key: 'another' }));

function write(
  value: string | null,
  [invokedAtMs, returnedAtMs]: Interval,
  revision: number,
  { client = 'a', key = 'k' }: Where,
): WriteOperation {
  const ending = { type: 'ok', returnedAtMs, result: { revision } } as const;
  return { type: 'write', client, key, value, invokedAtMs, ending };
}
