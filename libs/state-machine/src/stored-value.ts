/**
 * The bytes of a value as the store keeps them, for years perhaps and a million times over. New ones are kept as they
 * came: an array that shares its buffer with neighbours, and keeps all of them in memory for as long as one of them is
 * needed. Those that stay are packed into a string, two bytes in a character: 282 bytes of memory for 256, where an array
 * with a buffer of its own costs 660. Packing costs more than all else about a small put, and most versions do not stay.
 */
export type StoredValue = string | Uint8Array;

/** Longer values get an array of their own, whose costs do not matter any more beside the bytes. */
export const MAX_PACKED_BYTES = 4_096;
/** Before the pairs of bytes (low one first): 1 when the last pair is one byte only. */
export const PREFIX_CHARACTERS = 1;
const NO_BYTES = new Uint8Array(0);
export const NO_VALUE: StoredValue = '';

/** The bytes from `start` on, to be kept for long: a copy. */
export function packValue(bytes: Uint8Array, start = 0): StoredValue {
  const length = bytes.length - start;
  if (length === 0) return NO_VALUE;
  // Not `bytes.slice`: that of a Node Buffer is a view, and would keep the whole of it in memory.
  if (length > MAX_PACKED_BYTES) return new Uint8Array(start === 0 ? bytes : bytes.subarray(start));
  const codes = codesOfLength(PREFIX_CHARACTERS + ((length + 1) >>> 1));
  codes[0] = length & 1;
  for (let code = PREFIX_CHARACTERS, at = start; at < bytes.length; code += 1, at += 2) {
    codes[code] = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  }
  return String.fromCharCode(...codes);
}

export function lengthOfValue(value: StoredValue): number {
  if (typeof value !== 'string') return value.length;
  return value.length === 0 ? 0 : (value.length - PREFIX_CHARACTERS) * 2 - value.charCodeAt(0);
}

/** The bytes; the very array that is kept when it is one. */
export function readValue(value: StoredValue): Uint8Array {
  if (typeof value !== 'string') return value;
  if (value.length === 0) return NO_BYTES;
  const bytes = new Uint8Array(lengthOfValue(value));
  unpack(value, bytes, 0);
  return bytes;
}

/** Writes the bytes into `target`, which has room for them from `start` on. */
export function copyValue(value: StoredValue, target: Uint8Array, start: number): void {
  if (typeof value === 'string') unpack(value, target, start);
  else target.set(value, start);
}

/** Equal bytes are always packed in the same way. */
export function isSameValue(left: StoredValue, right: StoredValue): boolean {
  if (typeof left === 'string' || typeof right === 'string') return left === right;
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function unpack(packed: string, target: Uint8Array, start: number): void {
  const end = start + lengthOfValue(packed);
  for (let code = PREFIX_CHARACTERS, at = start; at < end; code += 1, at += 2) {
    const pair = packed.charCodeAt(code);
    target[at] = pair;
    if (at + 1 < end) target[at + 1] = pair >>> 8;
  }
}

/**
 * One scratch array per length: a string made from an array of known length costs half of one that is put together. 17 MB in
 * all, if there are values of all lengths.
 */
const scratch: number[][] = [];

function codesOfLength(length: number): number[] {
  let codes = scratch[length];
  if (codes === undefined) {
    codes = Array.from({ length }, () => 0);
    scratch[length] = codes;
  }
  return codes;
}
