import type { NodeId } from '@latchkey/raft';
import type { DialEnd } from './dial-attempt.js';
import { DialAttempt } from './dial-attempt.js';
import type { PeerConnection, PeerWire } from './peer-connection.js';
import type { HandshakeIdentity } from './peer-handshake.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { RedialPace } from './redial-pace.js';

export type PeerDiallerOptions = {
  readonly peer: NodeId;
  /** Asked at each attempt; null while there is no valid address. */
  readonly origin: () => string | null;
  readonly identity: HandshakeIdentity;
  readonly limits: PeerTransportLimits;
  readonly onConnected: (wire: PeerWire) => PeerConnection;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

/** Unreachable for as many attempts, the peer is worth a warning; at start the others are just not up yet. */
const quietAttempts = 10;

/** Keeps one peer connected, on the main channel. */
export class PeerDialler {
  readonly #options: PeerDiallerOptions;
  readonly #pace: RedialPace;
  #attempt: DialAttempt | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: PeerDiallerOptions) {
    this.#options = options;
    this.#pace = new RedialPace(options.limits);
  }

  start(): void {
    const { peer, identity, limits, onConnected, warn } = this.#options;
    const origin = this.#options.origin();
    if (origin === null) {
      this.#warn('address', `no valid address for peer ${peer}`, {});
      this.#redialAfter(limits.redialDelayRefusedMs);
      return;
    }
    const onEnd = (end: DialEnd) => this.#onEnd(origin, end);
    this.#attempt = new DialAttempt({ peer, channel: 'main', origin, identity, limits, onConnected, onEnd, warn });
  }

  /** Dials no more and gives up an attempt that is under way; an established connection is left to its owner. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#attempt?.abandon();
  }

  #onEnd(origin: string, end: DialEnd): void {
    this.#attempt = null;
    this.#redialAfter(this.#pace.delayMsAfter(end));
    const { peer } = this.#options;
    switch (end.kind) {
      case 'refused':
        this.#warn('refused', `peer ${peer} at ${origin} refused this node: ${end.reason}`, { origin });
        return;
      case 'impostor':
        this.#warn('impostor', `peer ${peer} at ${origin} could not prove that it holds the cluster's secret`, {
          origin,
        });
        return;
      case 'unreachable':
        if (this.#pace.failureCount < quietAttempts) return;
        this.#warn('unreachable', `peer ${peer} cannot be reached at ${origin}: ${end.reason}`, { origin });
        return;
      case 'lost':
        return;
    }
  }

  #redialAfter(delayMs: number): void {
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  #warn(key: string, message: string, details: Readonly<Record<string, unknown>>): void {
    this.#options.warn(`${key} ${this.#options.peer}`, message, { peer: this.#options.peer, ...details });
  }
}
