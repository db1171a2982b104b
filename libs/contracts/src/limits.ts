/** What a request may carry. A node refuses more before anything is replicated. */
export const MAX_KEY_BYTES = 512;
/** A lock's key is `elections/` + name + `/` + lease id, and must fit in a key. */
export const MAX_QUEUE_NAME_BYTES = 480;
/** Default of `LATCHKEY_MAX_VALUE_BYTES`, and the most that it can be set to. */
export const MAX_VALUE_BYTES = 512 * 1024;
/** Owner metadata of a lock, as JSON text. */
export const MAX_OWNER_CHARACTERS = 4_096;
export const MAX_TXN_OPERATIONS = 128;
export const MAX_TXN_DEPTH = 32;
export const MIN_LEASE_TTL_MS = 100;
export const MAX_LEASE_TTL_MS = 24 * 60 * 60 * 1000;
export const MAX_WAIT_MS = 24 * 60 * 60 * 1000;
/** `Idempotency-Key`: visible ASCII. */
export const MAX_IDEMPOTENCY_KEY_CHARACTERS = 128;
