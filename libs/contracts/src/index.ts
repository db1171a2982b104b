export type { ErrorBody, ErrorCode, RetryClass } from './errors.js';
export { ERROR_TRAITS, errorBody } from './errors.js';
export {
  MAX_IDEMPOTENCY_KEY_CHARACTERS,
  MAX_KEY_BYTES,
  MAX_LEASE_TTL_MS,
  MAX_OWNER_CHARACTERS,
  MAX_QUEUE_NAME_BYTES,
  MAX_TXN_DEPTH,
  MAX_TXN_OPERATIONS,
  MAX_VALUE_BYTES,
  MAX_WAIT_MS,
  MIN_LEASE_TTL_MS,
} from './limits.js';
export type {
  ClientHandshake,
  NodeAnnouncement,
  ProtocolVersion,
  RequestFrame,
  ResponseFrame,
  WatchFrame,
} from './protocol.js';
export {
  CLIENT_EVENTS,
  CLIENT_SOCKET_PATH,
  MAX_FRAME_BYTES,
  MAX_PENDING_REQUESTS_PER_CONNECTION,
  MAX_REQUESTS_PER_FRAME,
  MAX_WATCHES_PER_CONNECTION,
  NODE_EVENT,
  PROTOCOL_VERSION,
  REQUESTS_EVENT,
  RESPONSES_EVENT,
  WATCH_EVENT,
} from './protocol.js';
export type { WireHolder, WireLock, WireQueueEntry, WireRange, WireRecord, WireWaiter } from './records.js';
export type {
  AcquireRequest,
  AcquireResult,
  ClientRequest,
  ClientResult,
  Consistency,
  DeleteRequest,
  DeleteResult,
  GetRequest,
  GetResult,
  HistoryRequest,
  HistoryResult,
  LeaseResult,
  Member,
  MembersResult,
  OperationName,
  Operations,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOf,
  ResultOf,
  StatusResult,
  TransferResult,
  TxnRequest,
  TxnResult,
  WireComparison,
  WireOperation,
  WireOperationResult,
  WireQueueSpace,
} from './requests.js';
export type { WatchMessage, WatchRequest, WireEvent } from './watch.js';
export { isLeaseIdText } from './validation/field-checks.js';
export { InvalidRequest } from './validation/invalid-request.js';
export type { ParsedFrame } from './validation/parse-frame.js';
export { parseFrame } from './validation/parse-frame.js';
export { parseRequest } from './validation/parse-request.js';
export type { RequestLimits } from './validation/request-limits.js';
export { ConfigHistoryQuery, ListConfigQuery, PutConfigBody, RollbackBody, WatchQuery } from './http/config.dto.js';
export { CompactBody, GetKeyQuery, ListKeysQuery, NothingAsked, PutKeyBody, PutKeyQuery } from './http/kv.dto.js';
export { GrantLeaseBody } from './http/lease.dto.js';
export { AddMemberBody, TransferLeadershipBody } from './http/member.dto.js';
export { AcquireLockBody, ListLocksQuery, ReleaseLockBody } from './http/lock.dto.js';
