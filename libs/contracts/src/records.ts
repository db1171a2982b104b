/** A key as clients see it. Keys are text (UTF-8); values are bytes. */
export type WireRecord = {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** Lease id (16 hex digits), or null. */
  readonly lease: string | null;
  /** Leader's wall clock, ms since 1970; for display. */
  readonly updatedAtMs: number;
};

/** One key, every key with a prefix, or a half-open range [from, to). Exactly one form is given. */
export type WireRange =
  { readonly key: string } | { readonly prefix: string } | { readonly from: string; readonly to: string };

export type WireQueueEntry = {
  readonly lease: string;
  /** JSON given at acquire; null when there was none. */
  readonly owner: unknown;
  readonly mode: 'exclusive';
  readonly fencingToken: number;
};

export type WireHolder = WireQueueEntry & { readonly sinceMs: number };
export type WireWaiter = WireQueueEntry & { readonly position: number; readonly waitedMs: number };

/** `GET /v1/locks/{name}`. `sinceMs` and `waitedMs` are lengths of time, by the leader's clock at the entry and the answering node's now. */
export type WireLock = {
  readonly name: string;
  readonly limit: number;
  readonly holders: readonly WireHolder[];
  readonly queue: readonly WireWaiter[];
};
