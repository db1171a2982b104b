/** FNV-1a over bytes, 32 bits; 0 is never given. */
export function hashOfBytes(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0 || 1;
}
