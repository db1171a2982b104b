import type { WireLock, WireRange, WireRecord } from './records.js';
import type { WatchRequest } from './watch.js';

export type Consistency = 'linearizable' | 'serializable';
export type WireQueueSpace = 'locks' | 'elections';

export type PutRequest = {
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease?: string;
  /** modRevision that the key must have; 0 = must not exist. */
  readonly ifRevision?: number;
  readonly previous?: boolean;
};
export type DeleteRequest = { readonly range: WireRange; readonly ifRevision?: number; readonly previous?: boolean };
export type GetRequest = { readonly key: string; readonly revision?: number; readonly consistency?: Consistency };
export type RangeRequest = {
  readonly range: WireRange;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly consistency?: Consistency;
};

export type WireComparison = {
  readonly range: WireRange;
  readonly result: 'equal' | 'notEqual' | 'greater' | 'less';
} & (
  | { readonly target: 'version' | 'createRevision' | 'modRevision'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: Uint8Array }
  | { readonly target: 'lease'; readonly operand: string | null }
);
export type WireOperation =
  | ({ readonly op: 'put' } & PutRequest)
  | ({ readonly op: 'delete' } & DeleteRequest)
  | { readonly op: 'range'; readonly range: WireRange; readonly limit?: number; readonly keysOnly?: boolean }
  | ({ readonly op: 'txn' } & TxnRequest);
export type TxnRequest = {
  readonly compare: readonly WireComparison[];
  readonly success: readonly WireOperation[];
  readonly failure: readonly WireOperation[];
};

export type PutResult = { readonly revision: number; readonly previous?: WireRecord | null };
export type DeleteResult = {
  readonly revision: number;
  readonly deleted: number;
  readonly previous?: readonly WireRecord[];
};
export type GetResult = { readonly revision: number; readonly record: WireRecord | null };
export type RangeResult = {
  readonly revision: number;
  readonly records: readonly WireRecord[];
  readonly count: number;
  readonly more: boolean;
};
export type WireOperationResult =
  | ({ readonly op: 'put' } & PutResult)
  | ({ readonly op: 'delete' } & DeleteResult)
  | ({ readonly op: 'range' } & RangeResult)
  | ({ readonly op: 'txn' } & TxnResult);
export type TxnResult = {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly WireOperationResult[];
};

export type LeaseResult = {
  readonly revision: number;
  readonly id: string;
  readonly ttlMs: number;
  readonly remainingMs: number;
};

export type AcquireRequest = {
  readonly space: WireQueueSpace;
  readonly name: string;
  readonly lease: string;
  /** 0 = do not wait: LOCK_HELD with `details.holder`. Absent = wait as long as the lease lives and the request is not cancelled. */
  readonly waitMs?: number;
  /** Locks: any JSON, shown to whoever inspects the lock. */
  readonly owner?: unknown;
  /** Elections: the proclaimed value. */
  readonly value?: Uint8Array;
};
/** `remainingMs`: of the lease, as its leader knows at the grant. */
export type AcquireResult = { readonly revision: number; readonly fencingToken: number; readonly remainingMs: number };

export type StatusResult = {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner';
  readonly term: number;
  readonly leaderId: string | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** The log holds the entries from here on; those before are part of the checkpoint. */
  readonly firstLogIndex: number;
  readonly lastLogIndex: number;
  /** The entries up to here are part of the latest checkpoint; 0 = none yet. */
  readonly checkpointIndex: number;
  readonly revision: number;
  readonly stateHash: string;
  readonly members: readonly Member[];
  readonly version: string;
};

export type Member = {
  readonly id: string;
  /** Empty when the node asked does not know it. */
  readonly peerUrl: string;
  readonly role: 'voter' | 'learner';
  /** With the node that answers. */
  readonly connected: boolean;
};

/** Answer of `/v1/members`. */
export type MembersResult = {
  /** Who has answered for the cluster; null when no leader could be asked, and a node says what it knows by itself. */
  readonly leaderId: string | null;
  /** End of the leader's log. */
  readonly lastLogIndex: number;
  /** `matchIndex`: the entries up to here are known to be on its disk; null without a leader. */
  readonly members: readonly (Member & { readonly matchIndex: number | null })[];
};

/** Answer of `POST /v1/leadership/transfer`. */
export type TransferResult = { readonly leaderId: string };

export type HistoryRequest = {
  readonly key: string;
  /** Only versions below it, to go on where an answer with `more` began. */
  readonly beforeRevision?: number;
};

/** The newest versions still held, as many as fit in an answer, oldest first; `record` null = deleted at `revision`. */
export type HistoryResult = {
  readonly revision: number;
  readonly versions: readonly { readonly revision: number; readonly record: WireRecord | null }[];
  /** There are older ones. */
  readonly more: boolean;
};

/** Every operation of the client wire: what is asked, and what is answered. */
export interface Operations {
  put: { request: PutRequest; result: PutResult };
  delete: { request: DeleteRequest; result: DeleteResult };
  get: { request: GetRequest; result: GetResult };
  range: { request: RangeRequest; result: RangeResult };
  txn: { request: TxnRequest; result: TxnResult };
  compact: {
    request: { readonly revision: number };
    result: { readonly revision: number; readonly compactRevision: number };
  };
  history: { request: HistoryRequest; result: HistoryResult };
  /** `id`: 16 hex digits chosen at random by the client, so that a repeated grant is recognised; absent = the node chooses. */
  leaseGrant: { request: { readonly id?: string; readonly ttlMs: number }; result: LeaseResult };
  leaseRevoke: { request: { readonly id: string }; result: { readonly revision: number } };
  leaseKeepAlive: { request: { readonly id: string }; result: LeaseResult };
  leaseInfo: { request: { readonly id: string }; result: LeaseResult & { readonly keys: readonly string[] } };
  leaseList: {
    request: Record<never, never>;
    result: { readonly leases: readonly { readonly id: string; readonly ttlMs: number }[] };
  };
  /** Answered when granted, refused, timed out or cancelled. Repeating it for the same lease finds the same place in the queue. */
  acquire: { request: AcquireRequest; result: AcquireResult };
  release: {
    request: { readonly space: WireQueueSpace; readonly name: string; readonly lease: string };
    result: { readonly revision: number };
  };
  forceRelease: {
    request: { readonly space: WireQueueSpace; readonly name: string };
    result: { readonly revision: number; readonly released: boolean };
  };
  lockInspect: { request: { readonly space: WireQueueSpace; readonly name: string }; result: WireLock };
  lockList: {
    request: { readonly space: WireQueueSpace; readonly prefix?: string };
    result: { readonly locks: readonly WireLock[] };
  };
  /** Ends a waiting `acquire` of this connection by its request id; that request answers CANCELLED, or its grant if that came first. */
  cancel: { request: { readonly request: number }; result: Record<never, never> };
  /** The request's own id names the watch from then on. */
  watch: { request: WatchRequest; result: { readonly watchId: number; readonly revision: number } };
  unwatch: { request: { readonly watchId: number }; result: Record<never, never> };
  status: { request: Record<never, never>; result: StatusResult };
}

export type OperationName = keyof Operations;
export type RequestOf<Name extends OperationName> = Operations[Name]['request'];
export type ResultOf<Name extends OperationName> = Operations[Name]['result'];

export type ClientRequest = {
  readonly [Name in OperationName]: { readonly op: Name } & RequestOf<Name>;
}[OperationName];
export type ClientResult = { readonly [Name in OperationName]: ResultOf<Name> }[OperationName];
