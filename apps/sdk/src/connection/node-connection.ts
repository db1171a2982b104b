import type { RequestFrame } from '@latchkey/contracts';
import type { Clock, Timer } from '../ports/clock.js';
import type { Connection, ConnectionEnd, ConnectionListener, Connector } from '../ports/connector.js';

/** A node that accepts no connection within this time is passed over. */
export const CONNECT_TIMEOUT_MS = 1_000;

export type NodeConnectionParts = {
  readonly endpoint: string;
  readonly connector: Connector;
  readonly clock: Clock;
};

/** One connection to one endpoint, from the first try to its end. The listener hears of the end once, also of a timeout. */
export class NodeConnection {
  readonly endpoint: string;
  isOpen = false;
  hasOpened = false;
  #connection: Connection | null = null;
  #timer: Timer | null = null;
  #isOver = false;

  constructor(
    private readonly parts: NodeConnectionParts,
    private listener: ConnectionListener,
  ) {
    this.endpoint = parts.endpoint;
  }

  /** The listener may be called from inside. */
  start(): void {
    const { connector, clock, endpoint } = this.parts;
    this.#timer = clock.setTimer(CONNECT_TIMEOUT_MS, () =>
      this.end({ message: `no connection within ${CONNECT_TIMEOUT_MS} ms`, error: null }),
    );
    const connection = connector.open(endpoint, {
      opened: () => this.#opened(),
      announced: (announcement) => {
        if (!this.#isOver) this.listener.announced(announcement);
      },
      responses: (frame) => this.listener.responses(frame),
      watch: (frame) => this.listener.watch(frame),
      closed: (end) => this.end(end),
    });
    // A connector may report a failure from inside `open`: then there is nothing to keep.
    if (this.#isOver) connection.close();
    else this.#connection = connection;
  }

  /** Everything from now on is somebody else's. */
  handTo(listener: ConnectionListener): void {
    this.listener = listener;
  }

  send(frame: RequestFrame): void {
    this.#connection?.send(frame);
  }

  /** The listener hears nothing more. */
  close(): void {
    this.#isOver = true;
    this.isOpen = false;
    this.#timer?.cancel();
    this.#connection?.close();
    this.#connection = null;
  }

  /** Closes, and tells the listener why. */
  end(reason: ConnectionEnd): void {
    if (this.#isOver) return;
    this.close();
    this.listener.closed(reason);
  }

  #opened(): void {
    if (this.#isOver) return;
    this.#timer?.cancel();
    this.isOpen = true;
    this.hasOpened = true;
    this.listener.opened();
  }
}
