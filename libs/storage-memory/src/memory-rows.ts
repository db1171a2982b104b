import type { StateRow } from '@latchkey/replica';

/** One character for each byte, so that the strings sort as the bytes do. */
export function rowKeyOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

export function copyOfRow({ key, value }: StateRow): StateRow {
  return { key: key.slice(), value: value.slice() };
}
