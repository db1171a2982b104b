import type { NodeId } from '@latchkey/raft';
import type { LeaderView } from './leader-view.js';
import { MAX_LEADER_REQUESTS, MAX_SERVED_LEADER_REQUESTS } from './limits.js';
import { noLeader, outcomeUnknown, overloaded } from './pending-proposals.js';
import type { ReplicaError } from './replica-error.js';
import type { PeerSender } from './peer-sender.js';

type Asked = {
  readonly body: Uint8Array;
  readonly leaderDeadlineMs: number;
  readonly deadlineMs: number;
  /** Null while no leader has it. */
  askedNode: NodeId | null;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: ReplicaError) => void;
};

export type LeaderRequestsOptions = {
  readonly transport: PeerSender;
  readonly incarnation: number;
  /** The application's answer; a rejection must mean that nothing was done. */
  readonly serve: (from: NodeId, body: Uint8Array) => Promise<Uint8Array>;
  readonly nodeId: NodeId;
  readonly leaderWaitMs: number;
  readonly timeoutMs: number;
  readonly onServeFailed: (from: NodeId, error: unknown) => void;
};

/** Where request ids of a run begin: an answer to an earlier run must name none of ours. Ids stay below 2^53. */
const REQUEST_ID_ORIGINS = 2 ** 21;
const TWO_POW_32 = 2 ** 32;

/** Questions of the application to the leader, both sides. */
export class LeaderRequests {
  private readonly asked = new Map<number, Asked>();
  private lastRequestId: number;
  private servedCount = 0;
  private unsentCount = 0;
  private deadlineBoundMs = Infinity;

  constructor(private readonly options: LeaderRequestsOptions) {
    this.lastRequestId = (options.incarnation % REQUEST_ID_ORIGINS) * TWO_POW_32;
  }

  get hasUnsent(): boolean {
    return this.unsentCount > 0;
  }

  nextDeadlineMs(): number {
    return this.deadlineBoundMs;
  }

  /** @throws ReplicaError (as a rejection) NO_LEADER, OVERLOADED, OUTCOME_UNKNOWN */
  ask(body: Uint8Array, nowMs: number): Promise<Uint8Array> {
    if (this.asked.size >= MAX_LEADER_REQUESTS) return Promise.reject(overloaded());
    this.lastRequestId += 1;
    const requestId = this.lastRequestId;
    const leaderDeadlineMs = nowMs + this.options.leaderWaitMs;
    const deadlineMs = nowMs + this.options.timeoutMs;
    this.deadlineBoundMs = Math.min(this.deadlineBoundMs, leaderDeadlineMs, deadlineMs);
    return new Promise((resolve, reject) => {
      this.asked.set(requestId, {
        body,
        leaderDeadlineMs,
        deadlineMs,
        askedNode: null,
        resolve,
        reject,
      });
      this.unsentCount += 1;
    });
  }

  /** Hands what waits to the leader, which may be this node. */
  sendTo(leaderId: NodeId): void {
    for (const [requestId, asked] of this.asked) {
      if (asked.askedNode !== null) continue;
      asked.askedNode = leaderId;
      if (leaderId === this.options.nodeId) this.askSelf(requestId, asked.body);
      else
        this.options.transport.send(leaderId, {
          type: 'leaderRequest',
          requestId,
          body: asked.body,
        });
    }
    this.unsentCount = 0;
  }

  serve(from: NodeId, requestId: number, body: Uint8Array, view: LeaderView): void {
    const { transport } = this.options;
    if (view.role !== 'leader' || this.servedCount >= MAX_SERVED_LEADER_REQUESTS) {
      transport.send(from, { type: 'leaderRequestRefused', requestId });
      return;
    }
    this.servedCount += 1;
    this.callApplication(from, body).then(
      (answer) => {
        this.servedCount -= 1;
        transport.send(from, {
          type: 'leaderResponse',
          requestId,
          body: answer,
        });
      },
      (error: unknown) => {
        this.servedCount -= 1;
        this.options.onServeFailed(from, error);
        transport.send(from, { type: 'leaderRequestRefused', requestId });
      },
    );
  }

  answered(from: NodeId, requestId: number, body: Uint8Array): void {
    this.take(from, requestId)?.resolve(body);
  }

  refused(from: NodeId, requestId: number): void {
    this.take(from, requestId)?.reject(noLeader());
  }

  leaderChanged(view: LeaderView): void {
    this.failLost((asked) => asked.askedNode !== view.leaderId, 'the leader changed');
  }

  peerDown(peer: NodeId): void {
    this.failLost((asked) => asked.askedNode === peer, `the connection to the leader ${peer} closed`);
  }

  expire(nowMs: number): void {
    if (nowMs < this.deadlineBoundMs) return;
    this.deadlineBoundMs = Infinity;
    for (const [requestId, asked] of this.asked) {
      const isUnsent = asked.askedNode === null;
      const deadlineMs = isUnsent ? Math.min(asked.leaderDeadlineMs, asked.deadlineMs) : asked.deadlineMs;
      if (deadlineMs > nowMs) this.deadlineBoundMs = Math.min(this.deadlineBoundMs, deadlineMs);
      else this.fail(requestId, asked, isUnsent ? noLeader() : outcomeUnknown('the leader did not answer in time'));
    }
  }

  /** Requests that left this node fail as unknown, the others with `unsent`. */
  failAll(unsent: ReplicaError, reason: string): void {
    for (const [requestId, asked] of this.asked) {
      this.fail(requestId, asked, asked.askedNode === null ? unsent : outcomeUnknown(reason));
    }
  }

  private askSelf(requestId: number, body: Uint8Array): void {
    const { nodeId } = this.options;
    this.callApplication(nodeId, body).then(
      (answer) => this.answered(nodeId, requestId, answer),
      (error: unknown) => {
        this.options.onServeFailed(nodeId, error);
        this.refused(nodeId, requestId);
      },
    );
  }

  /** A handler that throws at once is treated like one whose promise rejects. */
  private async callApplication(from: NodeId, body: Uint8Array): Promise<Uint8Array> {
    return this.options.serve(from, body);
  }

  private take(from: NodeId, requestId: number): Asked | undefined {
    const asked = this.asked.get(requestId);
    if (asked?.askedNode !== from) return undefined;
    this.asked.delete(requestId);
    return asked;
  }

  private failLost(isLost: (asked: Asked) => boolean, reason: string): void {
    for (const [requestId, asked] of this.asked) {
      if (asked.askedNode !== null && isLost(asked)) this.fail(requestId, asked, outcomeUnknown(reason));
    }
  }

  private fail(requestId: number, asked: Asked, error: ReplicaError): void {
    this.asked.delete(requestId);
    if (asked.askedNode === null) this.unsentCount -= 1;
    asked.reject(error);
  }
}
