import type { DiskFact, Invariant, Report } from './invariant.js';

const INDEX_SPACE = 2 ** 32;

/** Two logs with an entry of the same index and term are the same up to there. Source: Raft Figure 3, Log Matching. */
export class LogMatching implements Invariant {
  readonly name = 'logMatching';
  /** Chain of the log that ends with the entry, by term and index. */
  private readonly chains = new Map<number, number>();

  constructor(private readonly report: Report) {}

  diskWritten({ node, appended, disk }: DiskFact): void {
    for (const { index, term } of appended) {
      const key = term * INDEX_SPACE + index;
      const chain = disk.chainAt(index);
      const known = this.chains.get(key);
      if (chain === null) continue;
      if (known === undefined) this.chains.set(key, chain);
      else if (known !== chain)
        this.report(`${node} holds another log up to entry ${index}/${term} than somebody else`);
    }
  }
}
