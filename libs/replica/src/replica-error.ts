/** Stable codes of operations that failed; see `retry`. */
export type ReplicaErrorCode =
  /** No leader is known, or it refused because it no longer leads. Nothing was done. */
  | 'NO_LEADER'
  /** This node does not lead, and only the leader can do it. Nothing was done. */
  | 'NOT_LEADER'
  /** Leadership stays where it is, or was lost to nobody. */
  | 'TRANSFER_FAILED'
  /** The leader does not make this change of the membership; the message says why. Nothing was done. */
  | 'MEMBERSHIP_REFUSED'
  /** Too much waits already. Nothing was done. */
  | 'OVERLOADED'
  | 'TOO_LARGE'
  /** The node is stopping. Nothing was done. */
  | 'SHUTTING_DOWN'
  /** It may have been done, or may still be done. */
  | 'OUTCOME_UNKNOWN';

/** Whether the same request may be sent again: freely, only if repeating it does no harm, or not at all. */
export type RetryClass = 'safe' | 'onlyIfIdempotent' | 'never';

export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';
  constructor(
    readonly code: ReplicaErrorCode,
    readonly retry: RetryClass,
    message: string,
  ) {
    super(message);
  }
}
