import type { RequestFrame, ResponseFrame, WatchFrame } from '@latchkey/contracts';
import type { Clock, Timer } from '../ports/clock.js';
import type { Connection, ConnectionEnd, Connector } from '../ports/connector.js';
import { backoffDelayMs } from './backoff.js';

/** A node that accepts no connection within this time is passed over. */
export const CONNECT_TIMEOUT_MS = 1_000;
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
 * once when it ends; after a whole round without success it backs off.
 */
export class FailoverConnection {
  #index: number;
  /** Tries since a connection last proved itself by answering something. */
  #failedAttempts = 0;
  #attempt: Connection | null = null;
  #opened = false;
  #timer: Timer | null = null;
  #closed = false;

  constructor(private readonly parts: FailoverParts) {
    this.#index = Math.floor(parts.random() * parts.endpoints.length) % parts.endpoints.length;
  }

  get connectedEndpoint(): string | null {
    return this.#opened ? this.#endpoint() : null;
  }

  start(): void {
    this.#open();
  }

  /** False when there is no connection; the frame is then forgotten. */
  send(frame: RequestFrame): boolean {
    if (!this.#opened || this.#attempt === null) return false;
    this.#attempt.send(frame);
    return true;
  }

  /** Leaves the current node for the next one; without effect while there is no connection. */
  failOver(reason: string): void {
    if (!this.#opened) return;
    this.#attempt?.close();
    this.#ended({ message: reason, error: null });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#attempt?.close();
    this.#attempt = null;
    this.#opened = false;
  }

  #endpoint(): string {
    return this.parts.endpoints[this.#index] ?? '';
  }

  #open(): void {
    const endpoint = this.#endpoint();
    this.#timer = this.parts.clock.setTimer(CONNECT_TIMEOUT_MS, () => {
      this.#attempt?.close();
      this.#ended({ message: `no connection within ${CONNECT_TIMEOUT_MS} ms`, error: null });
    });
    // A connector may report a failure from inside `open`: then there is nothing to keep.
    let current = true;
    const connection = this.parts.connector.open(endpoint, {
      opened: () => {
        if (!current) return;
        this.#timer?.cancel();
        this.#opened = true;
        this.parts.listener.connected(endpoint);
      },
      responses: (frame) => {
        this.#failedAttempts = 0;
        this.parts.listener.responses(frame);
      },
      watch: (frame) => {
        this.#failedAttempts = 0;
        this.parts.listener.watch(frame);
      },
      closed: (end) => {
        current = false;
        this.#ended(end);
      },
    });
    if (current) this.#attempt = connection;
  }

  #ended(end: ConnectionEnd): void {
    if (this.#closed) return;
    const endpoint = this.#endpoint();
    const wasOpened = this.#opened;
    this.#timer?.cancel();
    this.#attempt = null;
    this.#opened = false;
    this.#index = (this.#index + 1) % this.parts.endpoints.length;
    this.#scheduleOpen();
    if (wasOpened) this.parts.listener.disconnected(endpoint, end.message);
    else this.parts.listener.connectFailed(endpoint, end);
  }

  #scheduleOpen(): void {
    const attempt = this.#failedAttempts;
    this.#failedAttempts += 1;
    const firstRound = Math.max(1, this.parts.endpoints.length - 1);
    const delayMs =
      attempt < firstRound ? 0 : backoffDelayMs(attempt - firstRound, RECONNECT_BACKOFF, this.parts.random);
    this.#timer = this.parts.clock.setTimer(delayMs, () => this.#open());
  }
}
