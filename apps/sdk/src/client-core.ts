import type { ErrorBody, RequestFrame } from '@latchkey/contracts';
import { EventHub } from './client-events.js';
import type { ClientSettings } from './connect-options.js';
import { FailoverConnection } from './connection/failover-connection.js';
import { LivenessProbe } from './connection/liveness-probe.js';
import { UnavailableError, errorFromBody } from './errors/latchkey-error.js';
import { Claims } from './locks/claims.js';
import { LocalTurns } from './locks/local-turns.js';
import type { Clock } from './ports/clock.js';
import type { ConnectionEnd, Connector } from './ports/connector.js';
import type { Heartbeat } from './ports/heartbeat.js';
import { isForLeader } from './requests/operation-traits.js';
import { RequestPipeline } from './requests/request-pipeline.js';
import type { KeptLease } from './session/kept-lease.js';
import { LeaseGranter } from './session/lease-granter.js';
import { SessionKeeper } from './session/session-keeper.js';
import { WatchHub } from './watch/watch-hub.js';

/** How long `close()` tries to end the session on the cluster. */
export const CLOSE_TIMEOUT_MS = 2_000;

export type ClientEvents = {
  sessionJeopardy: { readonly remainingMs: number };
  sessionLost: { readonly error: Error };
  connected: { readonly endpoint: string };
  disconnected: { readonly endpoint: string; readonly reason: string };
};

/** Everything that differs between a process on Node and a simulated one. */
export type ClientPlatform = {
  readonly clock: Clock;
  readonly connector: Connector;
  readonly heartbeat: Heartbeat;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newLeaseId: () => string;
};

/** The parts of one client, wired together. Imports nothing of Node: the simulator runs it under virtual time. */
export class ClientCore {
  readonly events = new EventHub<ClientEvents>();
  readonly requests: RequestPipeline;
  readonly watches: WatchHub;
  readonly claims: Claims;
  readonly granter: LeaseGranter;
  readonly #sessions: SessionKeeper;
  readonly #connection: FailoverConnection;
  readonly #probe: LivenessProbe;
  readonly #failures = new Map<string, string>();
  #prefersLeader = false;
  #rejectOpening: (error: unknown) => void = () => undefined;
  #closed: Promise<void> | null = null;

  constructor(
    private readonly platform: ClientPlatform,
    private readonly settings: ClientSettings,
  ) {
    const { clock, random, connector, heartbeat, newLeaseId } = platform;
    this.#connection = new FailoverConnection({
      endpoints: settings.endpoints,
      connector,
      clock,
      random,
      listener: {
        connected: (endpoint) => this.#connected(endpoint),
        disconnected: (endpoint, reason) => this.#disconnected(endpoint, reason),
        connectFailed: (endpoint, end) => this.#connectFailed(endpoint, end),
        responses: (frame) => {
          this.#heard();
          this.requests.responses(frame);
        },
        watch: (frame) => {
          this.#heard();
          this.watches.frame(frame);
        },
      },
    });
    this.requests = new RequestPipeline({
      clock,
      random,
      requestTimeoutMs: settings.requestTimeoutMs,
      send: (frame) => this.#send(frame),
      sessionRefused: (session) => this.#sessions.refused(session),
      nodeUseless: (reason) => this.#connection.failOver(reason),
    });
    this.watches = new WatchHub(this.requests, clock);
    this.#probe = new LivenessProbe({
      clock,
      traffic: () => (this.requests.awaitsAnswers ? 'requests' : this.watches.size > 0 ? 'watches' : 'none'),
      ask: () => {
        void this.requests.call({ op: 'status' }).catch(() => undefined);
        this.#connection.suspect();
      },
      dead: () => this.#connection.failOver('it does not answer'),
    });
    this.granter = new LeaseGranter({ requests: this.requests, heartbeat, clock, newLeaseId });
    this.#sessions = new SessionKeeper({
      granter: this.granter,
      ttlMs: settings.sessionTtlMs,
      sessionChanged: (lease) => this.requests.setSession(lease?.id ?? null),
      inJeopardy: (lease) => this.events.emit('sessionJeopardy', { remainingMs: lease.remainingMs }),
      lost: (lease, error) => {
        this.requests.endSession(lease.id, error);
        this.events.emit('sessionLost', { error });
      },
      failed: (error) => this.#rejectOpening(error),
    });
    const session = (signal?: AbortSignal): Promise<KeptLease> => this.#sessions.whenReady(signal);
    this.claims = new Claims({ requests: this.requests, clock, turns: new LocalTurns(clock), session });
  }

  get session(): KeptLease | null {
    return this.#sessions.current;
  }

  get endpoint(): string | null {
    return this.#connection.connectedEndpoint;
  }

  get heartbeat(): 'worker' | 'main' {
    return this.platform.heartbeat.thread;
  }

  deadlineMs(): number {
    return this.platform.clock.nowMs() + this.settings.requestTimeoutMs;
  }

  /** Connects and makes the session. On any failure the client is closed and the promise rejects. */
  async open(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { requestTimeoutMs } = this.settings;
    const timer = this.platform.clock.setTimer(requestTimeoutMs, () => {
      this.#rejectOpening(new UnavailableError(`no connection within ${requestTimeoutMs} ms: ${this.#whyNot()}`));
    });
    const onAbort = (): void => this.#rejectOpening(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#rejectOpening = reject;
        this.#connection.start();
        this.#sessions.start();
        this.#sessions.whenReady().then(() => resolve(), reject);
      });
    } catch (error) {
      this.#shutDown();
      throw error;
    } finally {
      this.#rejectOpening = () => undefined;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const session = this.#sessions.close();
    const leases = new Set([...(session === null ? [] : [session]), ...this.granter.live]);
    this.claims.close();
    this.watches.close();
    const deadlineMs = this.platform.clock.nowMs() + CLOSE_TIMEOUT_MS;
    // What cannot be revoked in time ends by its TTL: nobody renews it any longer.
    await Promise.allSettled([...leases].map((lease) => this.granter.revoke(lease, deadlineMs)));
    this.#shutDown();
  }

  #shutDown(): void {
    this.#sessions.close();
    this.platform.heartbeat.close();
    this.#probe.stop();
    this.#connection.close();
    this.requests.close();
    this.#closed ??= Promise.resolve();
  }

  #send(frame: RequestFrame): void {
    this.#connection.send(frame);
    if (this.#prefersLeader || !frame[2].some(([, request]) => isForLeader(request))) return;
    this.#prefersLeader = true;
    this.#connection.preferLeader();
  }

  #heard(): void {
    this.#probe.heard();
    this.#connection.trust();
  }

  #connected(endpoint: string): void {
    this.#failures.clear();
    this.#probe.start();
    this.requests.connected();
    this.watches.connected();
    this.events.emit('connected', { endpoint });
  }

  #disconnected(endpoint: string, reason: string): void {
    this.#probe.stop();
    this.watches.disconnected();
    this.requests.disconnected();
    this.events.emit('disconnected', { endpoint, reason });
  }

  #connectFailed(endpoint: string, end: ConnectionEnd): void {
    this.#failures.set(endpoint, end.message);
    if (end.error !== null && isFinal(end.error)) this.#rejectOpening(errorFromBody(end.error));
  }

  #whyNot(): string {
    const failures = [...this.#failures].map(([endpoint, message]) => `${endpoint}: ${message}`);
    return failures.length === 0 ? 'the cluster granted no session (has it a leader?)' : failures.join('; ');
  }
}

/** A handshake that every node would refuse alike. */
function isFinal(error: ErrorBody): boolean {
  return error.code === 'PROTOCOL_VERSION' || error.code === 'UNAUTHENTICATED';
}
