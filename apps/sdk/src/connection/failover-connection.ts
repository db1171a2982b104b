import type { RequestFrame, ResponseFrame, WatchFrame } from '@latchkey/contracts';
import type { Clock, Timer } from '../ports/clock.js';
import type { ConnectionEnd, ConnectionListener, Connector } from '../ports/connector.js';
import { backoffDelayMs } from './backoff.js';
import { LeaderSeeker } from './leader-seeker.js';
import { NodeConnection } from './node-connection.js';

/** Between rounds in which no endpoint could be reached. */
export const RECONNECT_BACKOFF = { baseMs: 50, maxMs: 1_000 };

export interface FailoverListener {
  connected(endpoint: string): void;
  disconnected(endpoint: string, reason: string): void;
  /** One endpoint could not be reached; the next is tried without further notice. */
  connectFailed(endpoint: string, end: ConnectionEnd): void;
  responses(frame: ResponseFrame): void;
  watch(frame: WatchFrame): void;
}

export type FailoverParts = {
  readonly endpoints: readonly string[];
  readonly connector: Connector;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly listener: FailoverListener;
};

/**
 * One connection to any of the endpoints. It begins at a random one, stays where it is while that works, and goes to the next one at
 * once when it ends; after a whole round without success it backs off. `preferLeader` makes it go to the leader as well.
 */
export class FailoverConnection {
  #index: number;
  /** Tries since a connection last proved itself by answering something. */
  #failedAttempts = 0;
  #current: NodeConnection | null = null;
  #timer: Timer | null = null;
  #closed = false;
  readonly #leader: LeaderSeeker;

  constructor(private readonly parts: FailoverParts) {
    this.#index = Math.floor(parts.random() * parts.endpoints.length) % parts.endpoints.length;
    this.#leader = new LeaderSeeker({ ...parts, found: (connection, reason) => this.#moveTo(connection, reason) });
  }

  get connectedEndpoint(): string | null {
    return this.#current?.isOpen === true ? this.#current.endpoint : null;
  }

  start(): void {
    this.#open();
  }

  /** False when there is no connection; the frame is then forgotten. */
  send(frame: RequestFrame): boolean {
    if (this.#current?.isOpen !== true) return false;
    this.#current.send(frame);
    return true;
  }

  /** From now on it leaves a node that follows for the leader, whenever that can be reached. */
  preferLeader(): void {
    this.#leader.prefer();
  }

  /** The current node owes answers and is silent: it is left at once if it led and another node knows a new leader. */
  suspect(): void {
    this.#leader.suspect();
  }

  /** The current node is heard again. */
  trust(): void {
    this.#leader.trust();
  }

  /** Leaves the current node for the next one; without effect while there is no connection. */
  failOver(reason: string): void {
    if (this.#current?.isOpen === true) this.#current.end({ message: reason, error: null });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#leader.stop();
    this.#current?.close();
    this.#current = null;
  }

  #open(): void {
    const { endpoints, connector, clock } = this.parts;
    const endpoint = endpoints[this.#index] ?? '';
    this.#current = new NodeConnection({ endpoint, connector, clock }, this.#listenerFor(endpoint));
    this.#current.start();
  }

  #listenerFor(endpoint: string): ConnectionListener {
    const { listener } = this.parts;
    return {
      opened: () => listener.connected(endpoint),
      announced: (announcement) => this.#leader.heard(endpoint, announcement),
      responses: (frame) => {
        this.#failedAttempts = 0;
        listener.responses(frame);
      },
      watch: (frame) => {
        this.#failedAttempts = 0;
        listener.watch(frame);
      },
      closed: (end) => this.#ended(end),
    };
  }

  #ended(end: ConnectionEnd): void {
    const ended = this.#current;
    if (this.#closed || ended === null) return;
    this.#current = null;
    this.#leader.lost();
    this.#index = (this.#index + 1) % this.parts.endpoints.length;
    this.#scheduleOpen();
    if (ended.hasOpened) this.parts.listener.disconnected(ended.endpoint, end.message);
    else this.parts.listener.connectFailed(ended.endpoint, end);
  }

  #scheduleOpen(): void {
    const attempt = this.#failedAttempts;
    this.#failedAttempts += 1;
    const firstRound = Math.max(1, this.parts.endpoints.length - 1);
    const delayMs =
      attempt < firstRound ? 0 : backoffDelayMs(attempt - firstRound, RECONNECT_BACKOFF, this.parts.random);
    this.#timer = this.parts.clock.setTimer(delayMs, () => this.#open());
  }

  /** What was asked of the node before and is not answered is asked again here, as after any lost connection. */
  #moveTo(connection: NodeConnection, reason: string): void {
    const { endpoint } = connection;
    const left = this.#current;
    left?.close();
    connection.handTo(this.#listenerFor(endpoint));
    this.#current = connection;
    this.#index = this.parts.endpoints.indexOf(endpoint);
    if (left !== null) this.parts.listener.disconnected(left.endpoint, reason);
    this.parts.listener.connected(endpoint);
  }
}
