import type { ClientBeliefs } from './client-beliefs.js';
import type { AppliedFact, Invariant, Report } from './invariant.js';

/**
 * While a client's SDK says that it holds a lock, nobody else is granted it: by its clock (`assertHeld`, `remainingMs`) at
 * every moment, and by its signal unless the client's program stands still. Source: FAILURE-MODES 44, TESTING invariant 16.
 */
export class LockBeliefs implements Invariant {
  readonly name = 'lockBelief';

  constructor(
    private readonly report: Report,
    private readonly beliefs: () => ClientBeliefs,
  ) {}

  applied({ isFirst, result, nowMs }: AppliedFact): void {
    if (!isFirst || result === null || result.grants.length === 0) return;
    for (const belief of this.beliefs().locks()) {
      const { client, lock, remainingMs, toleranceMs } = belief;
      for (const { space, name, fencingToken } of result.grants) {
        if (lock !== `${space}/${name}` || fencingToken <= belief.fencingToken) continue;
        const isTold = belief.isAborted || belief.isPaused || toleranceMs > 0;
        if (remainingMs <= toleranceMs && isTold) continue;
        const belies = `${client} relies on it with token ${belief.fencingToken} for another ${remainingMs} ms`;
        this.report(`${lock} was granted with token ${fencingToken} at ${nowMs} ms while ${belies}`);
      }
    }
  }
}
