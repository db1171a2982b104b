import { nodeId } from '@latchkey/raft';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame, expectThat } from '../expectations.js';
import { eventually } from './eventually.js';
import { bulkChecks } from './bulk-checks.js';
import { FIRST, LAST, largeAppend, MESSAGE_SAMPLES, numbered } from './message-samples.js';
import { setPeersChecks } from './set-peers-checks.js';
import { onNewCluster, type TransportClusterFactory } from './transport-cluster.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const N3 = nodeId('n3');
const NODES = [N1, N2, N3];
const LARGE_MESSAGE_BYTES = 1024 * 1024;
const LARGE_MESSAGE_ENTRIES = 16;
const ORDERED_MESSAGES = 500;
const RECONNECTS = 3;

/** Everything that the `PeerTransport` port demands of a network that is not faulty. */
export const peerTransportChecks: readonly ConformanceCheck<TransportClusterFactory>[] = [
  {
    name: 'every kind of message arrives unaltered, once, and from every node at every other',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        for (const from of NODES) {
          for (const to of NODES.filter((id) => id !== from)) {
            for (const message of MESSAGE_SAMPLES) cluster.node(from).transport.send(to, message);
          }
        }
        const all = MESSAGE_SAMPLES.length * (NODES.length - 1);
        await eventually(() => NODES.every((id) => cluster.node(id).received.length >= all), 'all messages arrive');
        for (const to of NODES) {
          for (const from of NODES.filter((id) => id !== to)) {
            expectSame(cluster.node(to).messagesFrom(from), MESSAGE_SAMPLES, `messages from ${from} at ${to}`);
          }
        }
      }),
  },
  {
    name: 'byte strings arrive as Uint8Array',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        cluster.node(N1).transport.send(N2, { type: 'leaderRequest', requestId: 1, body: Uint8Array.of(1, 2, 3) });
        await eventually(() => cluster.node(N2).received.length === 1, 'the message arrives');
        const message = cluster.node(N2).received[0]?.message;
        expectThat(message?.type === 'leaderRequest' && message.body instanceof Uint8Array, 'the body is a Uint8Array');
      }),
  },
  {
    name: 'a message goes to the node it is for and to no other',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        for (const message of numbered(1, 20)) cluster.node(N1).transport.send(N2, message);
        cluster.node(N1).transport.send(N3, LAST);
        cluster.node(N1).transport.send(N2, LAST);
        await eventually(() => cluster.node(N2).received.length >= 21, 'the messages for n2 arrive');
        await eventually(() => cluster.node(N3).received.length >= 1, 'the message for n3 arrives');
        expectSame(cluster.node(N2).messagesFrom(N1), [...numbered(1, 20), LAST], 'what n2 got');
        expectSame(cluster.node(N3).received, [{ from: N1, message: LAST }], 'what n3 got');
      }),
  },
  {
    name: 'a large append arrives whole, and the connection lives on',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const large = largeAppend(LARGE_MESSAGE_BYTES, LARGE_MESSAGE_ENTRIES);
        cluster.node(N1).transport.send(N2, large);
        cluster.node(N1).transport.send(N2, LAST);
        await eventually(() => cluster.node(N2).received.length >= 2, 'both messages arrive');
        expectSame(cluster.node(N2).messagesFrom(N1), [large, LAST], 'what n2 got');
        expectSame(cluster.node(N2).downs, [], 'connections that n2 lost');
      }),
  },
  {
    name: 'on a quiet network messages keep their order',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const messages = numbered(1, ORDERED_MESSAGES);
        for (const message of messages) cluster.node(N3).transport.send(N1, message);
        await eventually(() => cluster.node(N1).received.length >= ORDERED_MESSAGES, 'all messages arrive');
        expectSame(cluster.node(N1).messagesFrom(N3), messages, 'what n1 got');
      }),
  },
  {
    name: 'each peer is told to be up once when it connects',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        for (const id of NODES) {
          const others = NODES.filter((other) => other !== id);
          expectSame([...cluster.node(id).ups].sort(), others, `peers that ${id} was told of`);
          expectSame(cluster.node(id).downs, [], `losses that ${id} was told of`);
        }
      }),
  },
  {
    name: 'when a node closes, the others are told once each, and only of that node',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        await cluster.close(N2);
        const others = [cluster.node(N1), cluster.node(N3)];
        await eventually(() => others.every((node) => node.downs.length > 0), 'the others are told of the loss');
        cluster.node(N1).transport.send(N3, LAST);
        await eventually(() => cluster.node(N3).received.length > 0, 'n1 still reaches n3');
        for (const node of others) expectSame(node.downs, [N2], `losses that ${node.id} was told of`);
      }),
  },
  {
    name: 'messages for a node that is away are dropped and not delivered when it comes back',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        for (let round = 0; round < RECONNECTS; round += 1) {
          await cluster.close(N2);
          await eventually(() => !cluster.node(N1).isConnectedTo([N2]), 'n1 is told of the loss');
          for (const message of numbered(1, 50)) cluster.node(N1).transport.send(N2, message);
          const returned = await cluster.start(N2);
          await cluster.connected();
          cluster.node(N1).transport.send(N2, LAST);
          await eventually(() => returned.received.length > 0, 'the message sent after the return arrives');
          expectSame(returned.received, [{ from: N1, message: LAST }], 'what n2 got after its return');
        }
      }),
  },
  {
    name: 'a node that came back reaches the others again',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        await cluster.close(N3);
        await eventually(() => !cluster.node(N2).isConnectedTo([N3]), 'n2 is told of the loss');
        const returned = await cluster.start(N3);
        await cluster.connected();
        returned.transport.send(N2, LAST);
        await eventually(
          () => cluster.node(N2).messagesFrom(N3).length > 0,
          'the message of the returned node arrives',
        );
        expectSame(cluster.node(N2).messagesFrom(N3), [LAST], 'what n2 got');
      }),
  },
  {
    name: 'sending to an unknown node, to a closed one or before any connection does not throw',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const { transport } = cluster.node(N1);
        transport.send(nodeId('nobody'), LAST);
        await cluster.close(N2);
        transport.send(N2, LAST);
        transport.send(N3, LAST);
        await eventually(() => cluster.node(N3).received.length > 0, 'the message for n3 arrives');
        expectSame(cluster.node(N3).received, [{ from: N1, message: LAST }], 'what n3 got');
      }),
  },
  {
    name: 'a closed transport sends nothing, tells nothing, and can be closed again',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const closed = cluster.node(N1);
        await cluster.close(N1);
        const told = { received: [...closed.received], ups: [...closed.ups] };
        closed.transport.send(N2, FIRST);
        cluster.node(N3).transport.send(N2, LAST);
        cluster.node(N3).transport.send(N1, LAST);
        await eventually(() => cluster.node(N2).received.length > 0, 'the message of n3 arrives');
        await closed.transport.close();
        expectSame(cluster.node(N2).messagesFrom(N1), [], 'what n2 got from the closed node');
        expectSame({ received: closed.received, ups: closed.ups }, told, 'what the closed node was told');
      }),
  },
  ...bulkChecks,
  ...setPeersChecks,
];
