import { LogStoreError } from '@latchkey/replica';

/**
 * The number in a BIGINT, which node-postgres gives as text, because as text '10' sorts before '9' (FAILURE-MODES 35).
 * @throws LogStoreError corrupt for what no writer of ours has written: negative, or above 2^53 - 1
 */
export function safeIntegerFrom(text: unknown, what: string): number {
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new LogStoreError('corrupt', `${what} is ${JSON.stringify(text)}`);
  return value;
}
