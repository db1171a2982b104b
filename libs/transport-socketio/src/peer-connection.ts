import type { NodeId } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import type { Socket as TcpSocket } from 'node:net';
import { isBulkMessage } from './bulk-message-codec.js';
import { CodecError } from './codec-error.js';
import type { ChannelLimits, PeerChannel } from './peer-channel.js';
import type { EncodedMessage } from './peer-codec.js';
import { assembleFrame, decodeFrame, encodeMessage, maxFrameHeadBytes } from './peer-codec.js';
import type { MutablePeerCounters } from './peer-transport-observer.js';

/** What a dialled and an accepted Socket.IO connection have in common. */
export type PeerWire = {
  readonly tcp: TcpSocket;
  emitFrame(frame: Buffer): void;
  /** Packets that Socket.IO itself still holds back. */
  waitingPacketCount(): number;
  /** Calls back whenever Socket.IO has passed its packets on. */
  onDrain(listener: () => void): void;
  /** Asks the other side, which dialled, for the bulk connection. */
  emitBulkWanted(): void;
  onBulkWanted(listener: () => void): void;
};

export type PeerConnectionOptions = {
  readonly peer: NodeId;
  readonly channel: PeerChannel;
  readonly wire: PeerWire;
  readonly limits: ChannelLimits;
  readonly counters: MutablePeerCounters;
  readonly onMessage: (from: NodeId, message: PeerMessage) => void;
  /** Called once, at once. */
  readonly onClosed: (connection: PeerConnection) => void;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
};

/** Memory that a waiting message takes beside its bytes. */
export const messageOverheadBytes = 128;

/**
 * One authenticated connection to a peer, from either side.
 *
 * Messages of one turn gather here and leave in one frame at the end of the turn. Nothing is given to Socket.IO while it or
 * TCP still holds bytes back, so whatever waits for a slow peer waits in this queue, where it is counted and bounded.
 * A connection is used once: what waits when it closes is dropped with it (FAILURE-MODES 49).
 */
export class PeerConnection {
  readonly peer: NodeId;
  readonly #options: PeerConnectionOptions;
  #queue: EncodedMessage[] = [];
  #queuedBytes = 0;
  #isFlushScheduled = false;
  #isLateFlushScheduled = false;
  #isFlushing = false;
  #isClosed = false;

  constructor(options: PeerConnectionOptions) {
    this.peer = options.peer;
    this.#options = options;
    options.wire.onDrain(this.#onDrain);
    options.wire.tcp.on('drain', this.#onDrain);
  }

  /** Whether messages wait here for a peer that reads slowly. */
  get hasQueue(): boolean {
    return this.#queue.length > 0;
  }

  send(message: PeerMessage): void {
    const { limits, counters } = this.#options;
    if (this.#isClosed) {
      counters.droppedNotConnected += 1;
      return;
    }
    const encoded = encodeMessage(message);
    if (encoded.byteLength > limits.maxMessageBytes) {
      counters.droppedTooLarge += 1;
      const details = { peer: this.peer, type: message.type, byteLength: encoded.byteLength };
      this.#options.warn(`message to ${this.peer} is longer than ${limits.maxMessageBytes} bytes: dropped`, details);
      return;
    }
    const queuedBytes = this.#queuedBytes + encoded.byteLength + messageOverheadBytes;
    if (queuedBytes > limits.maxQueuedBytes) {
      counters.droppedQueueFull += 1;
      return;
    }
    this.#queue.push(encoded);
    this.#queuedBytes = queuedBytes;
    if (isCommitNotice(message)) this.#flushLater();
    else this.#flushSoon();
  }

  /**
   * After what runs now, before any I/O: the driver has gathered the work of its turn already, so that waiting for more
   * (setImmediate) would only let the messages wait behind whatever the sockets bring.
   */
  #flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    process.nextTick(this.#flush);
  }

  /** Behind the answers that this node owes its own clients for the same commit: one system call each, on a busy core. */
  #flushLater(): void {
    if (this.#isFlushScheduled || this.#isLateFlushScheduled) return;
    this.#isLateFlushScheduled = true;
    setImmediate(() => {
      this.#isLateFlushScheduled = false;
      if (!this.#isFlushScheduled) this.#flush();
    });
  }

  /** Takes one frame from the wire and hands its messages on. */
  receive(frame: Buffer): void {
    if (this.#isClosed) return;
    const { counters, onMessage } = this.#options;
    const messages = this.#decode(frame);
    if (messages === null) return;
    counters.receivedFrames += 1;
    counters.receivedBytes += frame.length;
    counters.receivedMessages += messages.length;
    for (const message of messages) {
      if (this.#isClosed) return;
      onMessage(this.peer, message);
    }
  }

  /** The wire has closed, or is to close now. Idempotent. */
  destroy(): void {
    this.#options.wire.tcp.destroy();
    this.#end();
  }

  /** Lets what has been sent leave, for a short while, then closes. Resolves when nothing is left. */
  async close(): Promise<void> {
    const { tcp } = this.#options.wire;
    this.#flush();
    this.#end();
    if (tcp.closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => tcp.destroy(), this.#options.limits.closeGraceMs);
      tcp.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      tcp.destroySoon();
    });
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.counters.droppedNotConnected += this.#queue.length;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#options.onClosed(this);
  }

  #decode(frame: Buffer): PeerMessage[] | null {
    const { channel, limits } = this.#options;
    try {
      if (frame.length > limits.maxMessageBytes + maxFrameHeadBytes) throw new CodecError('longer than the limit');
      const messages = decodeFrame(frame);
      for (const message of messages) {
        if (isBulkMessage(message) === (channel === 'bulk')) continue;
        throw new CodecError(`${message.type} does not belong on a ${channel} connection`);
      }
      return messages;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      const details = { peer: this.peer, byteLength: frame.length };
      this.#options.warn(`malformed frame from ${this.peer}, connection closed: ${error.message}`, details);
      this.destroy();
      return null;
    }
  }

  readonly #onDrain = (): void => {
    // Engine.IO also tells of a drain in the midst of a write, when the frame after it must not overtake.
    if (this.#queue.length > 0 && !this.#isFlushing) this.#flush();
  };

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#isFlushing = true;
    const { wire, counters } = this.#options;
    while (this.#queue.length > 0 && !wire.tcp.writableNeedDrain && wire.waitingPacketCount() === 0) {
      const messages = this.#takeForOneFrame();
      const frame = assembleFrame(messages);
      counters.sentFrames += 1;
      counters.sentMessages += messages.length;
      counters.sentBytes += frame.length;
      wire.emitFrame(frame);
    }
    this.#isFlushing = false;
  };

  #takeForOneFrame(): readonly EncodedMessage[] {
    const queue = this.#queue;
    let count = 0;
    let frameBytes = 0;
    for (const message of queue) {
      if (count > 0 && frameBytes + message.byteLength > this.#options.limits.coalescedFrameBytes) break;
      frameBytes += message.byteLength;
      count += 1;
    }
    this.#queue = count === queue.length ? [] : queue.slice(count);
    this.#queuedBytes -= frameBytes + count * messageOverheadBytes;
    return count === queue.length ? queue : queue.slice(0, count);
  }
}

const isCommitNotice = (message: PeerMessage): boolean =>
  message.type === 'raft' && message.message.type === 'commitNotice';
