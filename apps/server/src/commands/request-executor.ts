import { randomBytes } from 'node:crypto';
import {
  errorBody,
  type ClientRequest,
  type ClientResult,
  type ErrorBody,
  type StatusResult,
} from '@latchkey/contracts';
import type { LeaseClient } from '@latchkey/lessor';
import type { Clock, Replica } from '@latchkey/replica';
import {
  isLeaseId,
  leaseId,
  type ApplyResult,
  type Command,
  type CommandOrigin,
  type LeaseId,
} from '@latchkey/state-machine';
import { Acquisition, type AcquisitionParts } from '../locks/acquisition.js';
import type { LocalReads } from './local-reads.js';
import type { Proposer } from './proposer.js';
import { approximateBytes, commandOf } from './to-command.js';
import { answerOf } from './write-answer.js';
import { errorBodyOfReplica, wireError } from './wire-error.js';
import { isRead, isWrite, type ReadRequest, type WriteRequest } from './write-request.js';

/** One log entry holds about this much of a frame; the rest of the frame goes into the next. */
const MAX_BATCH_BYTES = 1024 * 1024;

export type RequestOrigin =
  | { readonly type: 'none' }
  | { readonly type: 'session'; readonly leaseId: LeaseId; readonly acknowledgedThrough: number }
  | { readonly type: 'idempotencyKey'; readonly idempotencyKey: string };

/** Where the answers of a frame go, each once. */
export interface AnswerSink {
  succeed(id: number, result: ClientResult): void;
  fail(id: number, error: ErrorBody): void;
  /** This request waits for a lock; who may cancel it keeps the handle until its answer. */
  waits(id: number, acquisition: Acquisition): void;
}

export type IdentifiedRequest = { readonly id: number; readonly request: ClientRequest };
type Identified<Request> = { readonly id: number; readonly request: Request };
type Prepared = {
  readonly id: number;
  readonly request: WriteRequest;
  readonly command: Command;
  readonly acquisition: Acquisition | null;
};

export type ExecutorParts = {
  readonly replica: () => Pick<Replica<ApplyResult>, 'readBarrier'>;
  readonly proposer: Proposer;
  readonly reads: LocalReads;
  readonly leases: LeaseClient;
  readonly acquisitions: AcquisitionParts;
  readonly clock: Clock;
  readonly status: () => StatusResult;
};

/**
 * Carries out the requests of one frame, which have passed validation. All writes become one log entry, all linearizable
 * reads share one read barrier: the work per request stays small.
 */
export class RequestExecutor {
  constructor(private readonly parts: ExecutorParts) {}

  execute(requests: readonly IdentifiedRequest[], origin: RequestOrigin, sink: AnswerSink): void {
    const writes: Prepared[] = [];
    const linearizable: Identified<ReadRequest>[] = [];
    for (const { id, request } of requests) {
      if (isWrite(request)) writes.push(this.prepare({ id, request }, sink));
      else if (isRead(request)) {
        if ('consistency' in request && request.consistency === 'serializable') this.read({ id, request }, sink);
        else linearizable.push({ id, request });
      } else this.executeOther(id, request, sink);
    }
    for (let start = 0; start < writes.length;) {
      const end = endOfBatch(writes, start);
      void this.write(start === 0 && end === writes.length ? writes : writes.slice(start, end), origin, sink);
      start = end;
    }
    if (linearizable.length > 0) void this.readAll(linearizable, sink);
  }

  private prepare({ id, request }: Identified<WriteRequest>, sink: AnswerSink): Prepared {
    const command = commandOf(request, randomLeaseId);
    if (request.op !== 'acquire') return { id, request, command, acquisition: null };
    const acquisition = new Acquisition(this.parts.acquisitions, request, {
      granted: (result) => sink.succeed(id, result),
      failed: (error) => sink.fail(id, error),
    });
    sink.waits(id, acquisition);
    return { id, request, command, acquisition };
  }

  private async write(writes: readonly Prepared[], origin: RequestOrigin, sink: AnswerSink): Promise<void> {
    const sentAtMs = this.parts.clock.nowMs();
    try {
      const commands = writes.map(({ command }) => command);
      const { outcomes } = await this.parts.proposer.propose(commands, commandOrigin(origin, writes), {
        canWait: writes.every(mustQueue) ? () => writes.every(mustQueue) : undefined,
      });
      for (let index = 0; index < writes.length; index += 1) {
        const write = writes[index];
        // A batch that is refused as a whole (malformed) has one outcome for all.
        const outcome = outcomes[index] ?? outcomes[0];
        if (write === undefined || outcome === undefined) continue;
        const { id, request, acquisition } = write;
        if (request.op === 'acquire') {
          acquisition?.entered(outcome);
          continue;
        }
        if (outcome.type === 'leaseGranted') this.parts.leases.granted(outcome.leaseId, outcome.ttlMs, sentAtMs);
        const answer = answerOf(request, outcome, (ttlMs) => this.remainingSince(sentAtMs, ttlMs));
        if ('error' in answer) sink.fail(id, answer.error);
        else sink.succeed(id, answer.result);
      }
    } catch (error) {
      const body = bodyOf(error);
      for (const { id, acquisition } of writes) {
        if (acquisition === null) sink.fail(id, body);
        else acquisition.fail(body);
      }
    }
  }

  private async readAll(reads: readonly Identified<ReadRequest>[], sink: AnswerSink): Promise<void> {
    try {
      await this.parts.replica().readBarrier();
    } catch (error) {
      const body = bodyOf(error);
      for (const { id } of reads) sink.fail(id, body);
      return;
    }
    for (const read of reads) this.read(read, sink);
  }

  private read({ id, request }: Identified<ReadRequest>, sink: AnswerSink): void {
    try {
      const answer = this.parts.reads.read(request);
      if (answer instanceof Promise) answerWith(answer, id, sink, bodyOf);
      else sink.succeed(id, answer);
    } catch (error) {
      sink.fail(id, bodyOf(error));
    }
  }

  private executeOther(id: number, request: ClientRequest, sink: AnswerSink): void {
    switch (request.op) {
      case 'status':
        return sink.succeed(id, this.parts.status());
      case 'leaseKeepAlive':
        return answerWith(this.keepAlive(leaseId(request.id)), id, sink, keepAliveBody);
      case 'leaseInfo':
        return answerWith(this.leaseInfo(leaseId(request.id)), id, sink, keepAliveBody);
      default:
        return sink.fail(
          id,
          errorBody('INVALID_ARGUMENT', `${request.op} needs a connection of its own`, { field: 'op' }),
        );
    }
  }

  private async keepAlive(id: LeaseId): Promise<ClientResult> {
    const left = await this.parts.leases.renew(id);
    if (left === null) throw leaseNotFound();
    return { revision: this.parts.acquisitions.reader.revision, id, ...left };
  }

  private async leaseInfo(id: LeaseId): Promise<ClientResult> {
    await this.parts.replica().readBarrier();
    const { ttlMs, keys } = this.parts.reads.leaseKeys(id);
    const left = await this.parts.leases.askRemaining(id);
    if (left === null) throw leaseNotFound();
    return { revision: this.parts.acquisitions.reader.revision, id, ttlMs, remainingMs: left.remainingMs, keys };
  }

  private remainingSince(sentAtMs: number, ttlMs: number): number {
    return Math.max(0, Math.floor(sentAtMs + ttlMs - this.parts.clock.nowMs()));
  }
}

const mustQueue = ({ acquisition }: Prepared): boolean => acquisition?.mustQueue === true;

/** Index after the last write that still fits into the batch that begins at `start`; never `start` itself. */
function endOfBatch(writes: readonly Prepared[], start: number): number {
  let byteCount = 0;
  for (let index = start; index < writes.length; index += 1) {
    const write = writes[index];
    byteCount += write === undefined ? 0 : approximateBytes(write.command);
    if (byteCount > MAX_BATCH_BYTES && index > start) return index;
  }
  return writes.length;
}

function commandOrigin(origin: RequestOrigin, writes: readonly Prepared[]): CommandOrigin {
  return origin.type === 'session' ? { ...origin, sequences: writes.map(({ id }) => id) } : origin;
}

function answerWith(
  answer: Promise<ClientResult>,
  id: number,
  sink: AnswerSink,
  bodyOfFailure: (error: unknown) => ErrorBody,
): void {
  answer.then(
    (result) => sink.succeed(id, result),
    (error: unknown) => sink.fail(id, bodyOfFailure(error)),
  );
}

/** Of a renewal or a question nothing is ever left half done: it may be sent again, whatever became of it. */
function keepAliveBody(error: unknown): ErrorBody {
  const body = bodyOf(error);
  return body.code === 'OUTCOME_UNKNOWN' ? errorBody('UNAVAILABLE', 'the leader did not answer') : body;
}

/** @throws what is neither a failed operation nor a refusal: a bug, which must stop the node */
function bodyOf(error: unknown): ErrorBody {
  const body = errorBodyOfReplica(error);
  if (body === null) throw error;
  return body;
}

function leaseNotFound(): Error {
  return wireError('LEASE_NOT_FOUND', 'no such lease: it has ended or never was');
}

/** 63 random bits and never zero, so that two nodes need not agree on the next one. */
export function randomLeaseId(): LeaseId {
  for (;;) {
    const bytes = randomBytes(8);
    bytes[0] = (bytes[0] ?? 0) & 0x7f;
    const text = bytes.toString('hex');
    if (isLeaseId(text)) return leaseId(text);
  }
}
