import type { AppliedFact, Invariant, Report } from './invariant.js';

/** The fencing tokens of a lock strictly grow, for ever. Source: FAILURE-MODES 36, TESTING invariant 11. */
export class GrowingTokens implements Invariant {
  readonly name = 'growingTokens';
  private readonly lastToken = new Map<string, number>();

  constructor(private readonly report: Report) {}

  applied({ isFirst, result }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const { space, name, leaseId, fencingToken } of result.grants) {
      const lock = `${space}/${name}`;
      const last = this.lastToken.get(lock) ?? 0;
      if (fencingToken <= last)
        this.report(`${lock} was granted to ${leaseId} with token ${fencingToken} after ${last}`);
      this.lastToken.set(lock, fencingToken);
    }
  }
}
