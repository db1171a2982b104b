import type { Invariant, Report, TurnFact } from './invariant.js';

/** `lastApplied <= commitIndex <= lastLogIndex` on every node. Source: TESTING invariant 8. */
export class IndexOrder implements Invariant {
  readonly name = 'indexOrder';

  constructor(private readonly report: Report) {}

  turnEnded({ node, status }: TurnFact): void {
    const { lastApplied, commitIndex, lastLogIndex, phase } = status;
    if (phase === 'running' && (lastApplied > commitIndex || commitIndex > lastLogIndex)) {
      this.report(`${node}: applied ${lastApplied}, committed ${commitIndex}, log up to ${lastLogIndex}`);
    }
  }
}
