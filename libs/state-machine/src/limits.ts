/** Bounds that `apply` itself enforces, so they are part of the replicated behaviour: same on every node, for ever. */
export const MAX_TRANSACTION_OPERATIONS = 128;
export const MAX_TRANSACTION_DEPTH = 32;
/** Comparisons and operations of a whole transaction tree, all branches counted. */
export const MAX_TRANSACTION_TREE_OPERATIONS = 1_024;
export const MAX_KEY_BYTES = 512;
export const MAX_VALUE_BYTES = 512 * 1024;
/** Outcomes kept for one session: a client may have this many writes on the way. */
export const MAX_SESSION_OUTCOMES = 4_096;
/** Bytes of records (previous versions, ranges) in the outcomes kept for one session, by `outcomeBytes`. */
export const MAX_SESSION_OUTCOME_BYTES = 16 * 1024 * 1024;
/** Outcomes kept for idempotency keys, oldest dropped first. */
export const MAX_IDEMPOTENCY_KEYS = 10_000;
/** Bytes of records in the outcomes kept for idempotency keys, oldest dropped first. */
export const MAX_IDEMPOTENCY_OUTCOME_BYTES = 64 * 1024 * 1024;
export const MAX_IDEMPOTENCY_KEY_LENGTH = 128;
export const MAX_LEASES = 100_000;
/** Ids of ended leases that are remembered, so that none of them is granted again; oldest forgotten first. */
export const MAX_ENDED_LEASES = 16_384;
export const MIN_LEASE_TTL_MS = 100;
export const MAX_LEASE_TTL_MS = 24 * 60 * 60 * 1000;
