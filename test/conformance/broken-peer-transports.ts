import { nodeId, type NodeId } from '@latchkey/raft';
import type { BulkMessage, PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';

/** What a broken transport does otherwise. What is not given goes on to the one that works. */
type Mistake = {
  readonly beforeStart?: (inner: PeerTransport) => void;
  readonly send?: (inner: PeerTransport, to: NodeId, message: PeerMessage) => void;
  readonly setPeers?: (inner: PeerTransport, peers: readonly PeerAddress[], isStarted: boolean) => void;
  readonly onMessage?: (handlers: PeerTransportHandlers, from: NodeId, message: PeerMessage) => void;
  readonly onPeerUp?: (handlers: PeerTransportHandlers, peer: NodeId, inner: PeerTransport) => void;
  readonly onPeerDown?: (handlers: PeerTransportHandlers, peer: NodeId) => void;
};

/** A transport with one mistake. */
export class BrokenPeerTransport implements PeerTransport {
  private isStarted = false;

  constructor(
    private readonly inner: PeerTransport,
    private readonly mistake: Mistake,
  ) {}

  start(handlers: PeerTransportHandlers): Promise<void> {
    const { beforeStart, onMessage, onPeerUp, onPeerDown } = this.mistake;
    beforeStart?.(this.inner);
    this.isStarted = true;
    return this.inner.start({
      onMessage: (from, message) =>
        onMessage === undefined ? handlers.onMessage(from, message) : onMessage(handlers, from, message),
      onPeerUp: (peer) => (onPeerUp === undefined ? handlers.onPeerUp(peer) : onPeerUp(handlers, peer, this.inner)),
      onPeerDown: (peer) => (onPeerDown === undefined ? handlers.onPeerDown(peer) : onPeerDown(handlers, peer)),
    });
  }

  send(to: NodeId, message: PeerMessage): void {
    if (this.mistake.send === undefined) this.inner.send(to, message);
    else this.mistake.send(this.inner, to, message);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.mistake.setPeers === undefined) this.inner.setPeers(peers);
    else this.mistake.setPeers(this.inner, peers, this.isStarted);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

export type BrokenPeerTransportCase = {
  readonly name: string;
  /** How the name of the check begins that must fail. */
  readonly rejectedBy: string;
  /** One transport's mistake, for which it may keep state. */
  readonly createMistake: () => Mistake;
};

const MANY_ENTRIES = 10;
const ALL_NODES = ['n0', 'n1', 'n2', 'n3', 'n9'].map(nodeId);

const configured = (ids: readonly NodeId[]): PeerAddress[] => ids.map((id) => ({ id, address: null }));

const throughJson = (message: PeerMessage): PeerMessage => JSON.parse(JSON.stringify(message)) as PeerMessage;

const isBulk = (message: PeerMessage): message is BulkMessage =>
  message.type === 'snapshotChunk' || message.type === 'snapshotProgress';

const changingSent = (change: (message: PeerMessage) => PeerMessage): Mistake => ({
  send: (inner, to, message) => inner.send(to, change(message)),
});

function withoutLastOfMany(message: PeerMessage): PeerMessage {
  if (message.type !== 'raft' || message.message.type !== 'appendRequest') return message;
  const { entries } = message.message;
  if (entries.length < MANY_ENTRIES) return message;
  return { type: 'raft', message: { ...message.message, entries: entries.slice(0, -1) } };
}

function withoutAddresses(message: PeerMessage): PeerMessage {
  if (message.type !== 'raft' || message.message.type !== 'appendRequest') return message;
  const entries = message.message.entries.map((entry) => {
    if (entry.type !== 'membership') return entry;
    const { voters, votersOutgoing, learners } = entry.membership;
    return { ...entry, membership: { voters, votersOutgoing, learners } };
  });
  return { type: 'raft', message: { ...message.message, entries } };
}

function keepingWhatIsFor(isKept: (message: PeerMessage) => boolean): Mistake {
  const kept: { readonly to: NodeId; readonly message: PeerMessage }[] = [];
  return {
    send: (inner, to, message) => {
      if (isKept(message)) kept.push({ to, message });
      inner.send(to, message);
    },
    onPeerUp: (handlers, peer, inner) => {
      handlers.onPeerUp(peer);
      for (const { to, message } of kept) if (to === peer) inner.send(peer, message);
    },
  };
}

function deliveringInAnyOrder(): Mistake {
  let held: (() => void)[] = [];
  return {
    send: (inner, to, message) => {
      if (held.length === 0) setImmediate(() => held.splice(0).forEach((sendHeld) => sendHeld()));
      held = [() => inner.send(to, message), ...held];
    },
  };
}

const MESSAGES: readonly BrokenPeerTransportCase[] = [
  {
    name: 'sends bytes through JSON',
    rejectedBy: 'byte strings arrive as Uint8Array',
    createMistake: () => changingSent(throughJson),
  },
  {
    name: 'forgets the addresses of a membership',
    rejectedBy: 'every kind of message arrives unaltered',
    createMistake: () => changingSent(withoutAddresses),
  },
  {
    name: 'keeps messages for a peer that is away',
    rejectedBy: 'messages for a node that is away are dropped and not delivered',
    createMistake: () => keepingWhatIsFor((message) => !isBulk(message)),
  },
  {
    name: 'tells a loss twice',
    rejectedBy: 'when a node closes, the others are told once each',
    createMistake: () => ({
      onPeerDown: (handlers, peer) => {
        handlers.onPeerDown(peer);
        handlers.onPeerDown(peer);
      },
    }),
  },
  {
    name: 'cuts what is large',
    rejectedBy: 'a large append arrives whole',
    createMistake: () => changingSent(withoutLastOfMany),
  },
  {
    name: 'delivers in any order',
    rejectedBy: 'on a quiet network messages keep their order',
    createMistake: deliveringInAnyOrder,
  },
];

const BULK: readonly BrokenPeerTransportCase[] = [
  {
    name: 'sends the whole buffer under the data of a chunk',
    rejectedBy: 'bulk messages arrive unaltered',
    createMistake: () =>
      changingSent((message) =>
        message.type === 'snapshotChunk' ? { ...message, data: new Uint8Array(message.data.buffer) } : message,
      ),
  },
  {
    name: 'sends bulk messages to everybody',
    rejectedBy: 'bulk messages arrive unaltered, once, and at the node that they are for and no other',
    createMistake: () => ({
      send: (inner, to, message) => {
        for (const node of isBulk(message) ? ALL_NODES : [to]) inner.send(node, message);
      },
    }),
  },
  {
    name: 'sends each chunk twice',
    rejectedBy: 'bulk messages arrive unaltered, once',
    createMistake: () => ({
      send: (inner, to, message) => {
        inner.send(to, message);
        if (isBulk(message)) inner.send(to, message);
      },
    }),
  },
  {
    name: 'takes the loss of a bulk connection for a loss of the peer',
    rejectedBy: 'bulk messages arrive unaltered',
    createMistake: () => ({
      onMessage: (handlers, from, message) => {
        handlers.onMessage(from, message);
        if (message.type !== 'snapshotProgress') return;
        handlers.onPeerDown(from);
        handlers.onPeerUp(from);
      },
    }),
  },
  {
    name: 'sends the data of chunks through JSON',
    rejectedBy: 'the data of a chunk arrives as a Uint8Array',
    createMistake: () => changingSent((message) => (isBulk(message) ? throughJson(message) : message)),
  },
  {
    name: 'keeps bulk messages for a peer that is away',
    rejectedBy: 'bulk messages for a node that is away',
    createMistake: () => keepingWhatIsFor(isBulk),
  },
];

const SET_PEERS: readonly BrokenPeerTransportCase[] = [
  {
    name: 'lets everybody in',
    rejectedBy: 'a node that joins, n9, is connected with those that setPeers has told of it and with no other',
    createMistake: () => ({
      beforeStart: (inner) => inner.setPeers(configured(ALL_NODES)),
      setPeers: () => {},
    }),
  },
  {
    name: 'never leaves a peer',
    rejectedBy: 'a peer that setPeers names no more is left',
    createMistake: () => ({ setPeers: () => {} }),
  },
  {
    name: 'leaves a peer without telling its own node',
    rejectedBy: 'a peer that setPeers names no more is left',
    createMistake: () => {
      let named: readonly NodeId[] = ALL_NODES;
      return {
        setPeers: (inner, peers) => {
          named = peers.map(({ id }) => id);
          inner.setPeers(peers);
        },
        onPeerDown: (handlers, peer) => {
          if (named.includes(peer)) handlers.onPeerDown(peer);
        },
      };
    },
  },
  {
    name: 'leaves a peer for a moment only',
    rejectedBy: 'a peer that setPeers names no more is left',
    createMistake: () => ({
      setPeers: (inner, peers) => {
        inner.setPeers(peers);
        setImmediate(() => inner.setPeers(configured(ALL_NODES)));
      },
    }),
  },
  {
    name: 'connects anew with everybody whenever the peers are set',
    rejectedBy: 'setPeers leaves alone the connections with the peers that it names',
    createMistake: () => ({
      setPeers: (inner, peers) => {
        inner.setPeers([]);
        inner.setPeers(peers);
      },
    }),
  },
  {
    name: 'forgets peers that were set before the start',
    rejectedBy: 'peers set before the start',
    createMistake: () => ({
      setPeers: (inner, peers, isStarted) => {
        if (isStarted) inner.setPeers(peers);
      },
    }),
  },
];

export const BROKEN_PEER_TRANSPORTS: readonly BrokenPeerTransportCase[] = [...MESSAGES, ...BULK, ...SET_PEERS];
