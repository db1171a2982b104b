export { connect } from './connect.js';
export type { ConnectOptions } from './connect-options.js';
export type { ClientStatus } from './latchkey.js';
export { Latchkey } from './latchkey.js';
export type { ClientEvents } from './client-core.js';

export type { AcquireOptions, LockContext } from './locks/lock-handle.js';
export { LockHandle } from './locks/lock-handle.js';
export { Lock } from './locks/lock.js';

export type { CampaignOptions } from './elections/election-handle.js';
export { ElectionHandle } from './elections/election-handle.js';
export type { Leader } from './elections/election-observer.js';
export { Leadership } from './elections/leadership.js';

export type { ConfigWriteOptions } from './config/config-client.js';
export { ConfigClient } from './config/config-client.js';
export type { ConfigEntry, ConfigVersion } from './config/config-entry.js';
export type { ConfigChange, ConfigWatchOptions } from './config/config-watch.js';
export { LiveConfig } from './config/live-config.js';

export type { KvEvent, KvWatchOptions, RangeOptions, ReadOptions } from './kv/kv-client.js';
export { KvClient } from './kv/kv-client.js';
export { KvEntry } from './kv/kv-entry.js';
export type { Comparable, KeyComparisons } from './kv/comparison.js';
export { compare } from './kv/comparison.js';
export type { DeleteOptions, OperationRangeOptions, PutOptions, TransactionParts } from './kv/operation.js';
export { operation } from './kv/operation.js';
export type { KvDeleteResult, KvOperationResult, KvPutResult, KvRangeResult, KvTxnResult } from './kv/kv-results.js';
export { Transaction } from './kv/transaction.js';
export type { ValueInput } from './kv/text-codec.js';
export type { WatchStream } from './watch/watch-stream.js';

export { Lease } from './leases/lease.js';

export type { Fence, SqlRunner } from './fencing/fence-guard.js';
export { FENCE_TABLE_SQL, StaleFencingTokenError, fencedWrite, guardFence } from './fencing/fence-guard.js';

export type { LatchkeyErrorCode } from './errors/latchkey-error.js';
export {
  ClientClosedError,
  CompactedError,
  InvalidArgumentError,
  LatchkeyError,
  LockHeldError,
  LockNotHeldError,
  OutcomeUnknownError,
  RevisionMismatchError,
  SessionLostError,
  UnavailableError,
} from './errors/latchkey-error.js';
