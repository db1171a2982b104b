import type { NodeId } from '@latchkey/raft';
import type { BulkMessage, PeerMessage } from '@latchkey/replica';
import type { DialAttempt, DialEnd } from './dial-attempt.js';
import { channelLimits } from './peer-channel.js';
import type { PeerWire } from './peer-connection.js';
import { messageOverheadBytes, PeerConnection } from './peer-connection.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import type { MutablePeerCounters } from './peer-transport-observer.js';
import { RedialPace } from './redial-pace.js';

export type BulkLinkOptions = {
  readonly peer: NodeId;
  readonly limits: PeerTransportLimits;
  readonly counters: MutablePeerCounters;
  /** Null on the side that is dialled, which has to ask. */
  readonly dial: ((events: BulkDialEvents) => DialAttempt | null) | null;
  readonly askPeer: () => void;
  readonly onMessage: (from: NodeId, message: PeerMessage) => void;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

export type BulkDialEvents = {
  readonly onConnected: (wire: PeerWire) => PeerConnection;
  readonly onEnd: (end: DialEnd) => void;
};

/** On the way to a connection: what waits for it, and what to give up when it does not come in time. */
type Opening = { waiting: BulkMessage[]; waitingBytes: number; readonly deadline: NodeJS.Timeout };

/**
 * The bulk connection to one peer, beside a main connection and no longer than that (FAILURE-MODES 50).
 *
 * Opened by the first bulk message of either side, by whoever dialled the main connection; closed when nothing has passed for
 * `bulkIdleMs`. Messages wait for it in a bounded queue for a bounded time. When it fails or is lost they are dropped:
 * whoever sends bulk messages repeats them.
 */
export class BulkLink {
  readonly #options: BulkLinkOptions;
  readonly #pace: RedialPace;
  #opening: Opening | null = null;
  #connection: PeerConnection | null = null;
  #attempt: DialAttempt | null = null;
  #dialTimer: NodeJS.Timeout | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #notBeforeMs = 0;
  #lastUsedMs = 0;
  #isDestroyed = false;

  constructor(options: BulkLinkOptions) {
    this.#options = options;
    this.#pace = new RedialPace(options.limits);
  }

  send(message: BulkMessage): void {
    if (this.#connection !== null) {
      this.#lastUsedMs = performance.now();
      this.#connection.send(message);
      return;
    }
    this.open();
    if (this.#opening === null) this.#options.counters.droppedNotConnected += 1;
    else this.#wait(this.#opening, message);
  }

  /** Because of an own message, or because the peer asks. Does nothing when it is open or opening. */
  open(): void {
    if (this.#isDestroyed || this.#connection !== null || this.#opening !== null) return;
    const { dial, askPeer, limits } = this.#options;
    const deadline = setTimeout(() => this.#onDeadline(), limits.handshakeTimeoutMs);
    this.#opening = { waiting: [], waitingBytes: 0, deadline };
    if (dial === null) askPeer();
    else this.#dialTimer = setTimeout(() => this.#dial(), Math.max(0, this.#notBeforeMs - performance.now()));
  }

  /** A proven connection; it replaces one that is still there. */
  attach(wire: PeerWire): PeerConnection {
    const { peer, limits, counters, onMessage, warn } = this.#options;
    this.#connection?.destroy();
    const connection = new PeerConnection({
      peer,
      channel: 'bulk',
      wire,
      limits: channelLimits('bulk', limits),
      counters,
      onMessage: (from, message) => {
        this.#lastUsedMs = performance.now();
        onMessage(from, message);
      },
      onClosed: () => this.#detach(),
      warn: (message, details) => warn(`bulk connection ${peer}`, message, details),
    });
    this.#connection = connection;
    this.#lastUsedMs = performance.now();
    this.#closeWhenIdle(limits.bulkIdleMs);
    for (const message of this.#endOpening()) connection.send(message);
    return connection;
  }

  /** The main connection is gone, or the peer is one no more. For good. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#giveUp();
    this.#connection?.destroy();
  }

  #wait(opening: Opening, message: BulkMessage): void {
    const { limits, counters } = this.#options;
    const dataBytes = message.type === 'snapshotChunk' ? message.data.length : 0;
    const waitingBytes = opening.waitingBytes + dataBytes + messageOverheadBytes;
    if (waitingBytes > limits.maxBulkQueuedBytes) {
      counters.droppedQueueFull += 1;
      return;
    }
    opening.waiting.push(message);
    opening.waitingBytes = waitingBytes;
  }

  #endOpening(): readonly BulkMessage[] {
    if (this.#opening === null) return [];
    const { waiting, deadline } = this.#opening;
    clearTimeout(deadline);
    this.#opening = null;
    return waiting;
  }

  #onDeadline(): void {
    const { peer, limits, warn } = this.#options;
    this.#giveUp();
    warn(`bulk late ${peer}`, `no bulk connection to peer ${peer} within ${limits.handshakeTimeoutMs} ms`, { peer });
  }

  #giveUp(): void {
    this.#options.counters.droppedNotConnected += this.#endOpening().length;
    if (this.#dialTimer !== null) clearTimeout(this.#dialTimer);
    this.#attempt?.abandon();
    this.#attempt = null;
  }

  #dial(): void {
    const attempt = this.#options.dial?.({
      onConnected: (wire) => this.attach(wire),
      onEnd: (end) => this.#onDialEnd(end),
    });
    this.#attempt = attempt ?? null;
  }

  #onDialEnd(end: DialEnd): void {
    this.#attempt = null;
    this.#notBeforeMs = performance.now() + this.#pace.delayMsAfter(end);
    if (end.kind === 'lost') return;
    this.#giveUp();
    const { peer } = this.#options;
    const reason = end.kind === 'impostor' ? 'it could not prove that it holds the secret' : end.reason;
    this.#options.warn(`bulk ${end.kind} ${peer}`, `no bulk connection to peer ${peer}: ${reason}`, { peer });
  }

  #detach(): void {
    this.#connection = null;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
  }

  #closeWhenIdle(delayMs: number): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const { bulkIdleMs } = this.#options.limits;
      const leftMs = this.#lastUsedMs + bulkIdleMs - performance.now();
      if (leftMs > 0) this.#closeWhenIdle(leftMs);
      else if (this.#connection?.hasQueue === true) this.#closeWhenIdle(bulkIdleMs);
      else void this.#connection?.close();
    }, delayMs);
  }
}
