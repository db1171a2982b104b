import type { ErrorBody } from './errors.js';
import type { WireRange, WireRecord } from './records.js';

export type WireEvent =
  | { readonly type: 'put'; readonly record: WireRecord; readonly previous: WireRecord | null }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number; readonly previous: WireRecord | null };

export type WatchRequest = {
  readonly range: WireRange;
  /** First revision wanted (inclusive); absent = only what comes after the watch was made. */
  readonly fromRevision?: number;
  /** Send the version before each change. */
  readonly previous?: boolean;
};

export type WatchMessage =
  /** First message. Events from `revision` + 1 on (or from the asked revision) follow. */
  | { readonly type: 'created'; readonly revision: number }
  /** All events of each revision are together in one message. `revision` = the last one in it: resume at `revision` + 1. */
  | { readonly type: 'events'; readonly revision: number; readonly events: readonly WireEvent[] }
  /** Nothing that matches has happened up to and including `revision`. */
  | { readonly type: 'progress'; readonly revision: number }
  /** Over: COMPACTED (with `compactRevision`), or OVERLOADED when the client read too slowly (resume at the last revision + 1). */
  | { readonly type: 'ended'; readonly error: ErrorBody };
