import type { LogEntry } from '@latchkey/raft';

const TWO_POW_32 = 2 ** 32;
const HIGH_BITS = 2 ** 21;

/** The chain before the first entry. */
export const CHAIN_START = 0;

/**
 * A number for an entry and everything before it: two logs with the same number at an index are the same up to there.
 * 53 bits, so that it is an exact number.
 */
export function chained(previous: number, entry: LogEntry): number {
  let even = Math.imul((previous | 0) ^ entry.term, 0x9e3779b1);
  let odd = Math.imul(Math.floor(previous / TWO_POW_32) ^ entry.index, 0x85ebca6b) ^ kindOf(entry);
  if (entry.type === 'command') {
    for (const byte of entry.data) {
      even = Math.imul(even ^ byte, 0x01000193);
      odd = Math.imul(odd + byte, 0x9e3779b1) ^ even;
    }
  }
  even = Math.imul(even ^ (even >>> 15), 0xc2b2ae35);
  odd = Math.imul(odd ^ (odd >>> 13) ^ even, 0x85ebca6b);
  return ((odd >>> 0) % HIGH_BITS) * TWO_POW_32 + (even >>> 0);
}

/** Chains that were computed already: an entry is written by every node, most often after the same ones. */
export class EntryChains {
  private readonly known = new WeakMap<LogEntry, { readonly previous: number; readonly chain: number }>();

  of(previous: number, entry: LogEntry): number {
    const known = this.known.get(entry);
    if (known?.previous === previous) return known.chain;
    const chain = chained(previous, entry);
    this.known.set(entry, { previous, chain });
    return chain;
  }
}

function kindOf(entry: LogEntry): number {
  return entry.type.length;
}
