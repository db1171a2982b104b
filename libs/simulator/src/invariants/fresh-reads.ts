import type { Invariant, ReadFact, Report } from './invariant.js';

/**
 * A linearizable read sees everything that any node had applied when it was asked for.
 * Source: Raft §8 and thesis §6.4 (ReadIndex), FAILURE-MODES 21–23.
 */
export class FreshReads implements Invariant {
  readonly name = 'freshReads';

  constructor(private readonly report: Report) {}

  readServed({ node, readIndex, committedWhenAsked }: ReadFact): void {
    if (readIndex >= committedWhenAsked) return;
    this.report(`${node} read at ${readIndex}; up to ${committedWhenAsked} had been applied before it was asked`);
  }
}
