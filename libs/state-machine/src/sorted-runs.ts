const RUN_LENGTH = 8_192;

/**
 * Sorts texts that come one by one, in steps: runs are sorted and merged as they come, so that little is left to do at
 * the end and no single step takes long.
 */
export class SortedRuns<Text extends string> {
  #open: Text[] = [];
  /** Run i is empty or has the length of 2^i sorted runs. */
  readonly #runs: Text[][] = [];

  add(text: Text): void {
    this.#open.push(text);
    if (this.#open.length === RUN_LENGTH) this.#closeRun();
  }

  /** All texts in order. */
  finish(): Text[] {
    let sorted = sort(this.#open);
    for (const run of this.#runs) sorted = merge(run, sorted);
    return sorted;
  }

  #closeRun(): void {
    let run = sort(this.#open);
    let level = 0;
    for (let other = this.#runs[level]; other !== undefined && other.length > 0; other = this.#runs[level]) {
      run = merge(other, run);
      this.#runs[level] = [];
      level += 1;
    }
    this.#runs[level] = run;
    this.#open = [];
  }
}

/** The default order of strings is that of their characters, and faster than a comparison of our own. */
const sort = <Text extends string>(texts: Text[]): Text[] => texts.sort();

/** Of two lists in order one. */
export function merge<Text extends string>(left: readonly Text[], right: readonly Text[]): Text[] {
  if (right.length === 0) return [...left];
  const merged: Text[] = [];
  let next = 0;
  for (const text of left) {
    for (let other = right[next]; other !== undefined && other < text; other = right[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(text);
  }
  return next < right.length ? merged.concat(right.slice(next)) : merged;
}
