/** What every path is measured with, as in the benchmark. */
export const BATCH = 64;
export const KEYS = 10_000;
export const SESSION = '00000000000000aa';
export const SESSION_TTL_MS = 60_000;
const VALUE_BYTES = 256;
/** Without a common factor with KEYS: all keys come by, in no order. */
const STRIDE = 7_919;

export const keyTextAt = (position: number): string => `bench/key-${(position * STRIDE) % KEYS}`;

export const valueAt = (position: number): Buffer =>
  Buffer.from(Array.from({ length: VALUE_BYTES }, (_, index) => (index * 31 + position) & 0xff));
