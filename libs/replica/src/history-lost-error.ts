import type { LossReason } from './ports/identity-store.js';

/**
 * What a running node holds is wrong, and its store is marked as lost: the process must end. The next one takes no part with
 * what the store holds, and begins anew as a learner as soon as the others no longer count on it (FAILURE-MODES 29, 34).
 */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError';
  readonly code = 'HISTORY_LOST';

  constructor(
    readonly reason: LossReason,
    why: string,
  ) {
    super(why);
  }
}
