import type { ClientRequest, ClientResult, ErrorBody, WireRange } from '@latchkey/sdk-core';
import {
  key,
  leaseId,
  prefixRange,
  revision,
  singleKey,
  type Command,
  type KeyRange,
  type Outcome,
} from '@latchkey/state-machine';
import { bytesOf } from '../clients/text-bytes.js';
import { bodyOfRefusal, errorBody } from './wire-errors.js';

/** What the clients of a simulation write. */
export type WriteRequest = Extract<
  ClientRequest,
  { readonly op: 'put' | 'delete' | 'leaseGrant' | 'leaseRevoke' | 'acquire' | 'release' }
>;

const WRITES: ReadonlySet<string> = new Set(['put', 'delete', 'leaseGrant', 'leaseRevoke', 'acquire', 'release']);

export const isWrite = (request: ClientRequest): request is WriteRequest => WRITES.has(request.op);

/** Names and keys in simulations are ASCII, so that text is bytes. */
export function commandOf(request: WriteRequest): Command {
  switch (request.op) {
    case 'put':
      return {
        type: 'put',
        key: key(request.key),
        value: request.value,
        leaseId: request.lease === undefined ? null : leaseId(request.lease),
        expectedModRevision: request.ifRevision === undefined ? null : revision(request.ifRevision),
        wantPrevious: false,
        keepValue: false,
        keepLease: false,
      };
    case 'delete':
      return { type: 'delete', range: rangeOf(request.range), expectedModRevision: null, wantPrevious: false };
    case 'leaseGrant':
      return { type: 'leaseGrant', leaseId: leaseId(request.id ?? ''), ttlMs: request.ttlMs };
    case 'leaseRevoke':
      return { type: 'leaseRevoke', leaseId: leaseId(request.id) };
    case 'acquire':
      return { type: 'queueEnter', ...placeOf(request), wait: request.waitMs !== 0, value: EXCLUSIVE };
    case 'release':
      return { type: 'queueLeave', ...placeOf(request), onlyIfWaiting: false };
  }
}

export type Answer = { readonly result: ClientResult } | { readonly error: ErrorBody };

/** What an outcome means to the client that asked. `leaseRemainingMs`: for a grant, what is left of it at least. */
export function answerOf(
  request: Exclude<WriteRequest, { readonly op: 'acquire' }>,
  outcome: Outcome,
  leaseRemainingMs: (ttlMs: number) => number,
): Answer {
  if (outcome.type === 'refused') return { error: bodyOfRefusal(outcome) };
  const { revision: now } = outcome;
  if (request.op === 'put' && outcome.type === 'put') return { result: { revision: now } };
  if (request.op === 'delete' && outcome.type === 'deleted') {
    return { result: { revision: now, deleted: outcome.deletedCount } };
  }
  if (request.op === 'leaseGrant' && outcome.type === 'leaseGranted') {
    const { leaseId: id, ttlMs } = outcome;
    return { result: { revision: now, id, ttlMs, remainingMs: leaseRemainingMs(ttlMs) } };
  }
  if (request.op === 'leaseRevoke' && outcome.type === 'leaseEnded') return { result: { revision: now } };
  if (request.op === 'release' && outcome.type === 'queueLeft') {
    if (outcome.left) return { result: { revision: now } };
    return { error: errorBody('LOCK_NOT_HELD', 'this lease neither holds the lock nor waits for it') };
  }
  return { error: errorBody('INVALID_ARGUMENT', `this id was used before for another operation (${outcome.type})`) };
}

export function rangeOf(range: WireRange): KeyRange {
  if ('key' in range) return singleKey(key(range.key));
  if ('prefix' in range) return prefixRange(range.prefix);
  return { start: range.from, end: range.to };
}

function placeOf({ space, name, lease }: Extract<WriteRequest, { readonly op: 'acquire' | 'release' }>) {
  return { space, name, leaseId: leaseId(lease) } as const;
}

const EXCLUSIVE = bytesOf('{"mode":"exclusive"}');
