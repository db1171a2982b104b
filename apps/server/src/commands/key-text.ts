import { key, type Key, type KeyRange, prefixRange, singleKey } from '@latchkey/state-machine';
import type { WireRange } from '@latchkey/contracts';

// oxlint-disable-next-line no-control-regex -- the control characters are what is meant
const ASCII = /^[\u0000-\u007f]*$/;

/** UTF-8 bytes of `text`, one character (0–255) each: how the state machine holds names and keys. */
export const bytesOfText = (text: string): string =>
  ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');

/** Back to text. Bytes that are no UTF-8 (written past this wire) show as replacement characters. */
export const textOfBytes = (bytes: string): string =>
  ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');

export const keyOfText = (text: string): Key => key(bytesOfText(text));

export function rangeOfWire(range: WireRange): KeyRange {
  if ('key' in range) return singleKey(keyOfText(range.key));
  if ('prefix' in range) return prefixRange(bytesOfText(range.prefix));
  return { start: bytesOfText(range.from), end: bytesOfText(range.to) };
}
