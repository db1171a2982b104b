import type { ClientRequest, OperationName } from '@latchkey/contracts';

export type {
  AcquireRequest,
  DeleteRequest,
  PutRequest,
  TxnRequest,
  WireComparison,
  WireOperation,
} from '@latchkey/contracts';

const WRITE_OPERATIONS = [
  'put',
  'delete',
  'txn',
  'compact',
  'leaseGrant',
  'leaseRevoke',
  'acquire',
  'release',
  'forceRelease',
] as const satisfies readonly OperationName[];
const READ_OPERATIONS = [
  'get',
  'range',
  'history',
  'leaseList',
  'lockInspect',
  'lockList',
] as const satisfies readonly OperationName[];

/** Becomes a command in the log. */
export type WriteRequest = Extract<ClientRequest, { readonly op: (typeof WRITE_OPERATIONS)[number] }>;
/** Answered from this node's applied state, after a read barrier unless it asked for none. */
export type ReadRequest = Extract<ClientRequest, { readonly op: (typeof READ_OPERATIONS)[number] }>;

const WRITES: ReadonlySet<string> = new Set(WRITE_OPERATIONS);
const READS: ReadonlySet<string> = new Set(READ_OPERATIONS);

export const isWrite = (request: ClientRequest): request is WriteRequest => WRITES.has(request.op);
export const isRead = (request: ClientRequest): request is ReadRequest => READS.has(request.op);
