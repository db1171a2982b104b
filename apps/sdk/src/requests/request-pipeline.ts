import type { ClientRequest, ErrorBody, RequestFrame, ResponseFrame, ResultOf } from '@latchkey/contracts';
import {
  ClientClosedError,
  LatchkeyError,
  OutcomeUnknownError,
  SessionLostError,
  UnavailableError,
  errorFromBody,
} from '../errors/latchkey-error.js';
import type { Clock } from '../ports/clock.js';
import { decideOnRefusal } from './answer-decision.js';
import { DelayedRetries } from './delayed-retries.js';
import { DeadlineSweep } from './deadline-sweep.js';
import { buildFrames } from './frame-builder.js';
import { OPERATION_KINDS } from './operation-traits.js';
import type { PendingRequest } from './pending-request.js';
import { abandonmentError, isWrite } from './pending-request.js';
import type { Call, CallOptions, RequestPort } from './request-port.js';
import { requestSize } from './request-size.js';

/** How far the newest request sent may be ahead of the oldest unanswered one; the node keeps 4,096 outcomes of a session. */
export const MAX_ID_WINDOW = 2_048;
/** Requests unanswered or waiting to be sent. One more is refused at once (OVERLOADED). */
export const MAX_PENDING_REQUESTS = 65_536;
const NO_OPTIONS: CallOptions = {};
/** A node that answers nothing but UNAVAILABLE for so long is left for another one. */
export const UNAVAILABLE_FAILOVER_MS = 300;

export type PipelineParts = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly requestTimeoutMs: number;
  /** Sends on the current connection; only called between `connected` and `disconnected`. */
  readonly send: (frame: RequestFrame) => void;
  /** A node does not know this session any longer. */
  readonly sessionRefused: (session: string) => void;
  /** The connected node cannot serve. */
  readonly nodeUseless: (reason: string) => void;
};

/**
 * All requests of one client: ids, coalescing into frames, matching of answers, repeats after a lost connection, deadlines. A request keeps its
 * id for life, so a repeat on any node takes effect once (FAILURE-MODES 38).
 */
export class RequestPipeline implements RequestPort {
  readonly requestTimeoutMs: number;
  /** In order of ids. */
  readonly #pending = new Map<number, PendingRequest>();
  /** To be sent, in order of ids. */
  #outbox: PendingRequest[] = [];
  readonly #delayed: DelayedRetries;
  #lastId = 0;
  #acknowledgedThrough = 0;
  #session: string | null = null;
  #connected = false;
  #flushDeferred = false;
  #unavailableSinceMs: number | null = null;
  #closed = false;
  readonly #deadlines: DeadlineSweep;

  constructor(private readonly parts: PipelineParts) {
    this.requestTimeoutMs = parts.requestTimeoutMs;
    this.#delayed = new DelayedRetries(parts.clock, parts.random, () => this.#retryDelayed());
    this.#deadlines = new DeadlineSweep(parts.clock, (nowMs) => this.#expire(nowMs));
  }

  /** Requests that a node owes an answer for. */
  get awaitsAnswers(): boolean {
    return this.#pending.size > 0;
  }

  call<Request extends ClientRequest>(
    request: Request,
    options: CallOptions = NO_OPTIONS,
  ): Promise<ResultOf<Request['op']>> {
    return new Promise((resolve, reject) => {
      this.#enqueue(request, options, resolve, reject);
    });
  }

  submit<Request extends ClientRequest>(
    request: Request,
    options: CallOptions = NO_OPTIONS,
  ): Call<ResultOf<Request['op']>> {
    let pending: PendingRequest | null = null;
    const result = new Promise<ResultOf<Request['op']>>((resolve, reject) => {
      pending = this.#enqueue(request, options, resolve, reject);
    });
    // Assigned by the executor, which has run; the compiler cannot see that.
    const made = pending as PendingRequest | null;
    return { id: made?.id ?? 0, result, cancel: () => made !== null && this.#cancel(made) };
  }

  connected(): void {
    this.#connected = true;
    this.#unavailableSinceMs = null;
    this.#retryDelayed();
  }

  /** Everything unanswered will be sent again, with the same ids. */
  disconnected(): void {
    this.#connected = false;
    const again: PendingRequest[] = [];
    for (const pending of this.#pending.values()) {
      if (pending.sent) pending.maybeDone = true;
      pending.sent = false;
      if (pending.kind === 'connection') this.#fail(pending, new UnavailableError('the connection was lost'));
      else if (pending.cancelled) this.#fail(pending, cancelledError());
      else again.push(pending);
    }
    this.#delayed.take();
    this.#outbox = again;
  }

  /** Writes are sent under this session from now on; null = they wait for the next one. */
  setSession(session: string | null): void {
    this.#session = session;
    this.#scheduleFlush();
  }

  /** A session is over for this client: what only makes sense under it is answered now. */
  endSession(session: string, error: SessionLostError): void {
    if (this.#session === session) this.#session = null;
    for (const pending of this.#pending.values()) {
      if (pending.kind === 'leaseWrite' && pending.session === session) this.#fail(pending, error);
    }
  }

  responses(frame: ResponseFrame): void {
    for (const [id, ok, payload] of frame) {
      const pending = this.#pending.get(id);
      if (pending === undefined) continue;
      if (ok === 1) {
        if (pending.kind !== 'connection' && pending.request.op !== 'status') this.#unavailableSinceMs = null;
        this.#delayed.succeeded();
        this.#pending.delete(id);
        pending.resolve(payload);
      } else if (pending.sent) {
        this.#refused(pending, payload);
      }
    }
    if (this.#outbox.length > 0) this.#scheduleFlush();
  }

  /** Settles everything. */
  close(): void {
    this.#closed = true;
    this.#deadlines.stop();
    this.#delayed.take();
    this.#connected = false;
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    this.#outbox = [];
    for (const pending of unanswered) {
      const unknown = isWrite(pending) && (pending.sent || pending.maybeDone);
      pending.reject(unknown ? abandonmentError(pending, 'the client was closed') : new ClientClosedError());
    }
  }

  #enqueue(
    request: ClientRequest,
    options: CallOptions,
    resolve: PendingRequest['resolve'],
    reject: PendingRequest['reject'],
  ): PendingRequest | null {
    if (this.#closed) {
      reject(new ClientClosedError());
      return null;
    }
    if (this.#pending.size >= MAX_PENDING_REQUESTS) {
      reject(new UnavailableError(`${MAX_PENDING_REQUESTS} requests are waiting already`, { code: 'OVERLOADED' }));
      return null;
    }
    const deadlineMs = options.deadlineMs ?? this.parts.clock.nowMs() + this.requestTimeoutMs;
    const pending: PendingRequest = {
      id: ++this.#lastId,
      kind: OPERATION_KINDS[request.op],
      request,
      bytes: requestSize(request),
      refresh: options.refresh ?? null,
      session: options.session ?? null,
      deadlineMs,
      sent: false,
      maybeDone: false,
      cancelled: false,
      lastError: null,
      internalErrors: 0,
      resolve,
      reject,
    };
    this.#pending.set(pending.id, pending);
    this.#outbox.push(pending);
    this.#deadlines.add(deadlineMs);
    this.#scheduleFlush();
    return pending;
  }

  #cancel(pending: PendingRequest): void {
    if (pending.cancelled || !this.#pending.has(pending.id)) return;
    pending.cancelled = true;
    if (pending.sent) {
      // Best effort: when the connection dies first, `disconnected` ends the request.
      this.call({ op: 'cancel', request: pending.id }).catch(() => undefined);
    } else {
      this.#fail(pending, cancelledError());
    }
  }

  #refused(pending: PendingRequest, body: ErrorBody): void {
    const decision = decideOnRefusal(pending, body);
    pending.sent = false;
    pending.lastError = body;
    switch (decision) {
      case 'retry':
        if (body.code === 'INTERNAL') pending.internalErrors += 1;
        if (body.retry === 'onlyIfIdempotent') pending.maybeDone = true;
        if (body.code === 'UNAVAILABLE') this.#noteUnavailable(body);
        this.#delayed.add(pending);
        return;
      case 'retryUnderNewSession': {
        const refused = pending.session;
        pending.session = null;
        this.#insertInOutbox(pending);
        if (refused !== null) this.parts.sessionRefused(refused);
        return;
      }
      case 'retryUnderNewId':
        this.#renumber(pending);
        this.#outbox.push(pending);
        return;
      case 'outcomeUnknown':
        this.#fail(
          pending,
          new OutcomeUnknownError(`${pending.request.op}: ${body.message}`, { details: body.details }),
        );
        break;
      case 'sessionLost':
        this.#fail(pending, new SessionLostError(body.message, { details: body.details }));
        break;
      case 'fail':
        this.#fail(pending, errorFromBody(body));
        return;
    }
    if (body.code === 'SESSION_NOT_FOUND' && pending.session !== null) this.parts.sessionRefused(pending.session);
  }

  #fail(pending: PendingRequest, error: unknown): void {
    this.#pending.delete(pending.id);
    pending.reject(error);
  }

  #noteUnavailable(body: ErrorBody): void {
    const nowMs = this.parts.clock.nowMs();
    this.#unavailableSinceMs ??= nowMs;
    if (nowMs - this.#unavailableSinceMs < UNAVAILABLE_FAILOVER_MS) return;
    this.#unavailableSinceMs = null;
    // After this frame has been read to its end: leaving the node sends everything unanswered again.
    this.parts.clock.defer(() => this.parts.nodeUseless(body.message));
  }

  #retryDelayed(): void {
    const delayed = this.#delayed.take();
    if (delayed.length > 0) this.#outbox = [...delayed, ...this.#outbox].sort(byId);
    this.#scheduleFlush();
  }

  #insertInOutbox(pending: PendingRequest): void {
    this.#outbox.push(pending);
    this.#outbox.sort(byId);
  }

  #scheduleFlush(): void {
    if (this.#flushDeferred || !this.#connected) return;
    this.#flushDeferred = true;
    this.parts.clock.defer(() => {
      this.#flushDeferred = false;
      if (this.#connected) this.#flush();
    });
  }

  #flush(): void {
    const outbox = this.#outbox;
    if (outbox.length === 0) return;
    const windowEnd = this.#advanceAcknowledged() + MAX_ID_WINDOW;
    const ready: PendingRequest[] = [];
    const kept: PendingRequest[] = [];
    let next = 0;
    for (; next < outbox.length; next += 1) {
      const pending = outbox[next];
      if (pending === undefined || !this.#pending.has(pending.id)) continue;
      if (pending.id > windowEnd) break;
      if (this.#makeReady(pending)) ready.push(pending);
      else kept.push(pending);
    }
    this.#outbox = next < outbox.length ? [...kept, ...outbox.slice(next)] : kept;
    for (const frame of buildFrames(this.#acknowledgedThrough, ready)) this.parts.send(frame);
  }

  /** Marks as sent; false while it has to wait for a session. */
  #makeReady(pending: PendingRequest): boolean {
    if (pending.kind === 'sessionWrite' && pending.session === null) {
      if (this.#session === null) return false;
      pending.session = this.#session;
    }
    // Acknowledged while it waited (see #advanceAcknowledged), and now to be sent again.
    if (pending.id <= this.#acknowledgedThrough) this.#renumber(pending);
    if (pending.refresh !== null && pending.maybeDone) pending.request = pending.refresh(this.parts.clock.nowMs());
    pending.sent = true;
    return true;
  }

  #renumber(pending: PendingRequest): void {
    this.#pending.delete(pending.id);
    pending.id = ++this.#lastId;
    this.#pending.set(pending.id, pending);
  }

  /**
   * Every id up to it is answered, except acquires that wait on a node: they may wait for hours, and would keep the node from
   * forgetting the outcomes of everything since. When one of them must be sent again it gets a new id and finds its place by its lease.
   */
  #advanceAcknowledged(): number {
    let through = this.#acknowledgedThrough;
    while (through < this.#lastId) {
      const next = this.#pending.get(through + 1);
      if (next !== undefined && !isWaitingAcquire(next)) break;
      // A single waiting acquire at the end of the line holds nobody up, and is better sent again under its own id.
      if (next !== undefined && this.#lastId - through <= MAX_ID_WINDOW / 2) break;
      through += 1;
    }
    this.#acknowledgedThrough = through;
    return through;
  }

  #expire(nowMs: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const pending of this.#pending.values()) {
      if (pending.deadlineMs <= nowMs) this.#fail(pending, abandonmentError(pending, 'its deadline passed'));
      else if (pending.deadlineMs < earliestMs) earliestMs = pending.deadlineMs;
    }
    // What was given up no longer holds the window.
    this.#scheduleFlush();
    return earliestMs;
  }
}

function isWaitingAcquire(pending: PendingRequest): boolean {
  return pending.sent && pending.request.op === 'acquire';
}

function byId(a: PendingRequest, b: PendingRequest): number {
  return a.id - b.id;
}

function cancelledError(): LatchkeyError {
  return new LatchkeyError('CANCELLED', 'the request was cancelled by its caller', { retry: 'safe' });
}
