import {
  errorBody,
  MAX_PENDING_REQUESTS_PER_CONNECTION,
  MAX_WATCHES_PER_CONNECTION,
  parseRequest,
  InvalidRequest,
  type ClientResult,
  type ErrorBody,
  type ParsedFrame,
  type RequestLimits,
  type RequestOf,
  type ResponseFrame,
} from '@latchkey/contracts';
import { leaseId } from '@latchkey/state-machine';
import type { AnswerSink, IdentifiedRequest, RequestExecutor, RequestOrigin } from '../commands/request-executor.js';
import type { Acquisition } from '../locks/acquisition.js';
import type { SharedMessage } from '../watch/shared-message.js';
import type { Watch, WatchSink } from '../watch/watch.js';
import type { WatchOpener } from '../watch/watch-opener.js';
import { packedMessage } from './frame-encoder.js';

type Response = ResponseFrame[number];

/** The transport below one connection. */
export interface ClientLink {
  /** Bytes handed over that the client has not taken yet. */
  readonly unsentBytes: number;
  sendResponses(responses: ResponseFrame): void;
  sendWatch(entries: readonly (readonly [watchId: number, message: SharedMessage])[]): void;
}

export type ConnectionParts = {
  readonly executor: RequestExecutor;
  readonly watches: WatchOpener;
  readonly limits: RequestLimits;
};

/** Watches wait while more than this is on its way to the client. */
const MAX_UNSENT_WATCH_BYTES = 1024 * 1024;
const NO_RESULT = {};

/** What one client has asked for over one connection. What becomes known in one turn leaves in one frame. */
export class ClientConnection implements AnswerSink, WatchSink {
  private readonly waiting = new Map<number, Acquisition>();
  private readonly watches = new Map<number, Watch | 'opening'>();
  private responses: Response[] = [];
  private watchEntries: (readonly [number, SharedMessage])[] = [];
  private gatheredWatchBytes = 0;
  private pendingCount = 0;
  private isFlushScheduled = false;
  private isClosed = false;

  constructor(
    private readonly parts: ConnectionParts,
    private readonly link: ClientLink,
  ) {}

  get isWritable(): boolean {
    return this.gatheredWatchBytes + this.link.unsentBytes < MAX_UNSENT_WATCH_BYTES;
  }

  /** Takes the requests of one frame; each is answered once, now or later, as long as the connection lasts. */
  receive(frame: ParsedFrame): void {
    const executable: IdentifiedRequest[] = [];
    for (const [id, value] of frame.requests) {
      this.pendingCount += 1;
      const request = parseRequest(value, this.parts.limits);
      if (request instanceof InvalidRequest) this.fail(id, request.body);
      else if (this.pendingCount > MAX_PENDING_REQUESTS_PER_CONNECTION)
        this.fail(
          id,
          errorBody('OVERLOADED', `more than ${MAX_PENDING_REQUESTS_PER_CONNECTION} requests wait for their answer`),
        );
      else if (request.op === 'cancel') this.cancel(id, request.request);
      else if (request.op === 'watch') void this.watch(id, request);
      else if (request.op === 'unwatch') this.unwatch(id, request.watchId);
      else executable.push({ id, request });
    }
    if (executable.length > 0) this.parts.executor.execute(executable, originOf(frame), this);
  }

  succeed(id: number, result: ClientResult): void {
    this.respond(id, [id, 1, result]);
  }

  fail(id: number, error: ErrorBody): void {
    this.respond(id, [id, 0, error]);
  }

  waits(id: number, acquisition: Acquisition): void {
    this.waiting.set(id, acquisition);
  }

  deliver(watch: Watch, message: SharedMessage): void {
    if (this.isClosed) return;
    this.gatheredWatchBytes += packedMessage(message).byteLength;
    this.watchEntries.push([watch.id, message]);
    if (message.content.type === 'ended') this.watches.delete(watch.id);
    this.scheduleFlush();
  }

  /** The connection is gone. Places in queues stay: the client asks again elsewhere, or its lease ends them. */
  close(): void {
    this.isClosed = true;
    for (const acquisition of this.waiting.values()) acquisition.abandon();
    for (const watch of this.watches.values()) if (watch !== 'opening') this.parts.watches.close(watch);
    this.waiting.clear();
    this.watches.clear();
    this.responses = [];
    this.watchEntries = [];
  }

  private cancel(id: number, requestId: number): void {
    this.waiting.get(requestId)?.cancel();
    this.succeed(id, NO_RESULT);
  }

  private async watch(id: number, request: RequestOf<'watch'>): Promise<void> {
    if (this.watches.size >= MAX_WATCHES_PER_CONNECTION)
      return this.fail(id, errorBody('TOO_MANY', `more than ${MAX_WATCHES_PER_CONNECTION} watches on one connection`));
    if (this.watches.has(id))
      return this.fail(id, errorBody('INVALID_ARGUMENT', 'id: this watch exists', { field: 'id' }));
    this.watches.set(id, 'opening');
    const opening = await this.parts.watches.prepare(request);
    // The client may have gone, or taken it back, while a leader was asked.
    if (this.isClosed || this.watches.get(id) !== 'opening') return;
    if ('error' in opening) {
      this.watches.delete(id);
      return this.fail(id, opening.error);
    }
    this.succeed(id, { watchId: id, revision: opening.revision });
    const watch = opening.open(id, this);
    if (!watch.isOver) this.watches.set(id, watch);
  }

  private unwatch(id: number, watchId: number): void {
    const watch = this.watches.get(watchId);
    this.watches.delete(watchId);
    if (watch === 'opening') this.fail(watchId, errorBody('CANCELLED', 'the watch was taken back before it was open'));
    else if (watch !== undefined) this.parts.watches.close(watch);
    this.succeed(id, NO_RESULT);
  }

  private respond(id: number, response: Response): void {
    this.pendingCount -= 1;
    if (this.waiting.size > 0) this.waiting.delete(id);
    if (this.isClosed) return;
    this.responses.push(response);
    this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    // After every promise that is settled already has had its say.
    process.nextTick(() => this.flush());
  }

  private flush(): void {
    this.isFlushScheduled = false;
    if (this.isClosed) return;
    const { responses, watchEntries } = this;
    this.responses = [];
    this.watchEntries = [];
    this.gatheredWatchBytes = 0;
    if (responses.length > 0) this.link.sendResponses(responses);
    if (watchEntries.length > 0) this.link.sendWatch(watchEntries);
  }
}

function originOf({ session, acknowledgedThrough }: ParsedFrame): RequestOrigin {
  return session === null ? { type: 'none' } : { type: 'session', leaseId: leaseId(session), acknowledgedThrough };
}
