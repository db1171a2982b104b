import { deepStrictEqual } from 'node:assert/strict';

/** Longer byte strings are compared by length and hash, so that a failure stays readable. */
const MAX_SHOWN_BYTES = 64;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Deep equality, in which bytes are bytes: a Buffer equals a Uint8Array of the same content. */
export function expectSame(actual: unknown, expected: unknown, situation: string): void {
  try {
    deepStrictEqual(comparable(actual), comparable(expected));
  } catch (error) {
    throw new Error(`${situation}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

export function expectThat(condition: boolean, situation: string): asserts condition {
  if (!condition) throw new Error(`not so: ${situation}`);
}

/** Gives the error that `action` fails with. */
export async function expectFailure(action: () => Promise<unknown>, situation: string): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown: ${situation}`);
}

function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return describeBytes(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, comparable(part)]));
}

function describeBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, MAX_SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (bytes.byteLength <= MAX_SHOWN_BYTES) return `bytes ${shown}`;
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return `${bytes.byteLength} bytes ${shown}… with hash ${hash.toString(16)}`;
}
