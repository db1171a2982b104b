import { peerTransportChecks, registerConformance } from '@latchkey/conformance';
import type { NodeId } from '@latchkey/raft';
import type { PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { InMemoryNetwork } from '../../libs/replica/src/test-support/in-memory-network.js';
import { rejectedChecks } from './rejected-checks.js';

const LATENCY_MS = 0;

/** Real time, because the contract is written for real adapters. */
const realTimers = {
  setTimer: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const network = (): InMemoryNetwork => new InMemoryNetwork(realTimers, LATENCY_MS);

registerConformance({ describe, it }, 'peer transport contract: memory', peerTransportChecks, async () => {
  const cluster = network();
  return { create: async (node) => cluster.transport(node), dispose: async () => undefined };
});

/** A transport with one mistake: `send` or what the handlers are told goes through it. */
class BrokenTransport implements PeerTransport {
  constructor(
    protected readonly inner: PeerTransport,
    private readonly mistake: Mistake,
  ) {}

  start(handlers: PeerTransportHandlers): Promise<void> {
    return this.inner.start({
      onMessage: (from, message) =>
        this.mistake.onMessage?.(handlers, from, message) ?? handlers.onMessage(from, message),
      onPeerUp: (peer) => {
        handlers.onPeerUp(peer);
        this.mistake.onPeerUp?.(this.inner, peer);
      },
      onPeerDown: (peer) => this.mistake.onPeerDown?.(handlers, peer) ?? handlers.onPeerDown(peer),
    });
  }

  send(to: NodeId, message: PeerMessage): void {
    if (this.mistake.send === undefined) this.inner.send(to, message);
    else this.mistake.send(this.inner, to, message);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

type Mistake = {
  readonly send?: (inner: PeerTransport, to: NodeId, message: PeerMessage) => void;
  readonly onPeerUp?: (inner: PeerTransport, peer: NodeId) => void;
  /** Anything but undefined stands for "handled". */
  readonly onMessage?: (handlers: PeerTransportHandlers, from: NodeId, message: PeerMessage) => true | undefined;
  readonly onPeerDown?: (handlers: PeerTransportHandlers, peer: NodeId) => true | undefined;
};

const throughJson = (message: PeerMessage): PeerMessage => JSON.parse(JSON.stringify(message)) as PeerMessage;

const MANY_ENTRIES = 10;

function withoutLastOfMany(message: PeerMessage): PeerMessage {
  if (message.type !== 'raft' || message.message.type !== 'appendRequest') return message;
  const { entries } = message.message;
  if (entries.length < MANY_ENTRIES) return message;
  return { type: 'raft', message: { ...message.message, entries: entries.slice(0, -1) } };
}

/** Each entry makes the mistake of one transport, for which it may keep state. */
const MISTAKES: readonly (readonly [string, () => Mistake])[] = [
  ['sends bytes through JSON', () => ({ send: (inner, to, message) => inner.send(to, throughJson(message)) })],
  [
    'keeps messages for a peer that is away',
    () => {
      const kept: { readonly to: NodeId; readonly message: PeerMessage }[] = [];
      return {
        send: (inner, to, message) => {
          kept.push({ to, message });
          inner.send(to, message);
        },
        onPeerUp: (inner, peer) =>
          kept.filter(({ to }) => to === peer).forEach(({ message }) => inner.send(peer, message)),
      };
    },
  ],
  [
    'tells a loss twice',
    () => ({
      onPeerDown: (handlers, peer) => {
        handlers.onPeerDown(peer);
        handlers.onPeerDown(peer);
        return true;
      },
    }),
  ],
  ['cuts what is large', () => ({ send: (inner, to, message) => inner.send(to, withoutLastOfMany(message)) })],
  [
    'delivers in any order',
    () => {
      let held: (() => void)[] = [];
      return {
        send: (inner, to, message) => {
          if (held.length === 0) setImmediate(() => held.splice(0).forEach((sendHeld) => sendHeld()));
          held = [() => inner.send(to, message), ...held];
        },
      };
    },
  ],
];

describe('the peer transport contract rejects transports that break it', () => {
  it.each(MISTAKES)('a transport that %s', async (_name, createMistake) => {
    const rejected = await rejectedChecks(peerTransportChecks, async () => {
      const cluster = network();
      return {
        create: async (node) => new BrokenTransport(cluster.transport(node), createMistake()),
        dispose: async () => undefined,
      };
    });
    expect(rejected).not.toEqual([]);
  });
});
