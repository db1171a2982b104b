import { nodeId } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame, expectThat } from '../expectations.js';
import { eventually } from './eventually.js';
import { BULK_SAMPLES, LAST } from './message-samples.js';
import type { ListeningNode } from './transport-cluster.js';
import { onNewCluster, type TransportClusterFactory } from './transport-cluster.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const N3 = nodeId('n3');
const NODES = [N1, N2, N3];
const RETURN: PeerMessage = { type: 'snapshotProgress', transferId: 5, nextSequence: 1, state: 'receiving' };

/** What the port demands for the chunks of snapshots and their answers. */
export const bulkChecks: readonly ConformanceCheck<TransportClusterFactory>[] = [
  {
    name: 'bulk messages arrive unaltered, once, and at the node that they are for and no other',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const [n1, n2, n3] = [cluster.node(N1), cluster.node(N2), cluster.node(N3)];
        for (const message of BULK_SAMPLES) n1.transport.send(N2, message);
        await eventually(() => n2.received.length >= BULK_SAMPLES.length, 'the bulk messages of n1 arrive at n2');
        for (const message of BULK_SAMPLES) n3.transport.send(N1, message);
        await eventually(() => n1.received.length >= BULK_SAMPLES.length, 'the bulk messages of n3 arrive at n1');
        await messagesPassEachWay([n1, n2, n3]);
        expectSame(n2.bulkFrom(N1), BULK_SAMPLES, 'what n2 got from n1');
        expectSame(n1.bulkFrom(N3), BULK_SAMPLES, 'what n1 got from n3');
        expectSame([n1.bulkFrom(N2), n2.bulkFrom(N3), n3.bulkFrom(N1), n3.bulkFrom(N2)], [[], [], [], []], 'the rest');
        for (const node of [n1, n2, n3]) expectSame(node.downs, [], `losses that ${node.id} was told of`);
      }),
  },
  {
    name: 'the data of a chunk arrives as a Uint8Array',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        for (const message of BULK_SAMPLES) cluster.node(N2).transport.send(N1, message);
        const { received } = cluster.node(N1);
        await eventually(() => received.length >= BULK_SAMPLES.length, 'the bulk messages arrive');
        for (const { message } of received) {
          if (message.type !== 'snapshotChunk') continue;
          expectThat(message.data instanceof Uint8Array, 'the data is a Uint8Array');
        }
      }),
  },
  {
    name: 'bulk messages for a node that is away are dropped and not delivered when it comes back',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        await cluster.close(N2);
        await eventually(() => !cluster.node(N1).isConnectedTo([N2]), 'n1 is told of the loss');
        for (const message of BULK_SAMPLES) cluster.node(N1).transport.send(N2, message);
        const returned = await cluster.start(N2);
        await cluster.connected();
        cluster.node(N1).transport.send(N2, RETURN);
        await eventually(() => returned.received.length > 0, 'the message sent after the return arrives');
        expectSame(returned.received, [{ from: N1, message: RETURN }], 'what n2 got after its return');
      }),
  },
];

/** A message has passed each way between all of them, after which whatever was under way by accident should be there. */
async function messagesPassEachWay(nodes: readonly ListeningNode[]): Promise<void> {
  for (const from of nodes) {
    for (const to of nodes) if (to !== from) from.transport.send(to.id, LAST);
  }
  const markersAt = (node: ListeningNode) => node.received.filter(({ message }) => message.type === LAST.type).length;
  await eventually(() => nodes.every((node) => markersAt(node) >= nodes.length - 1), 'messages pass between all nodes');
}
