import type { AppliedWrite } from './history.js';

/** The applied writes key by key. */
export class KeyTimeline {
  readonly #writes = new Map<string, AppliedWrite[]>();

  constructor(applied: readonly AppliedWrite[]) {
    for (const write of applied) {
      const ofKey = this.#writes.get(write.key);
      if (ofKey === undefined) this.#writes.set(write.key, [write]);
      else ofKey.push(write);
    }
  }

  keys(): Iterable<string> {
    return this.#writes.keys();
  }

  of(key: string): readonly AppliedWrite[] {
    return this.#writes.get(key) ?? [];
  }

  /** The key's value once all writes up to this revision are applied; null when there is none. */
  valueAt(key: string, revision: number): string | null {
    const writes = this.of(key);
    let low = 0;
    let high = writes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((writes[middle]?.revision ?? Infinity) <= revision) low = middle + 1;
      else high = middle;
    }
    return writes[low - 1]?.value ?? null;
  }
}
