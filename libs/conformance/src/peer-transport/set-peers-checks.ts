import { nodeId, type NodeId } from '@latchkey/raft';
import type { PeerAddress } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import { eventually } from './eventually.js';
import { FIRST, LAST, numbered } from './message-samples.js';
import type { RunningCluster } from './transport-cluster.js';
import { onNewCluster, type TransportClusterFactory } from './transport-cluster.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const N3 = nodeId('n3');
const NODES = [N1, N2, N3];
const RECONNECTS = 3;
/** Before and behind the others in any order of names, in case that decides who dials. */
const JOINERS = [nodeId('n0'), nodeId('n9')];

/** What the port demands of a membership that changes while the cluster runs. */
export const setPeersChecks: readonly ConformanceCheck<TransportClusterFactory>[] = [
  ...JOINERS.map((joiner) => ({
    name: `a node that joins, ${joiner}, is connected with those that setPeers has told of it and with no other`,
    run: (factory: TransportClusterFactory) =>
      onNewCluster(factory, [N1, N2], (cluster) => expectJoined(cluster, joiner), [joiner]),
  })),
  {
    name: 'a peer that setPeers names no more is left, told once on each side, kept out, and let in when named again',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const [n1, n3] = [cluster.node(N1), cluster.node(N3)];
        n1.transport.setPeers(configured(N2));
        n1.transport.send(N3, FIRST);
        n3.transport.send(N1, FIRST);
        await connectAnew(cluster, N2);
        expectSame(n1.told(N3), UP_DOWN, 'what n1 was told of n3');
        await eventually(() => n3.downs.includes(N1), 'n3 is told that n1 left it');
        expectSame(n3.told(N1), UP_DOWN, 'what n3 was told of n1');
        n1.transport.setPeers(configured(N2, N3));
        await cluster.connected();
        n1.transport.send(N3, LAST);
        await eventually(() => n3.received.length > 0, 'n1 reaches n3 again');
        expectSame(n3.messagesFrom(N1), [LAST], 'what n3 got from n1');
        expectSame(n1.messagesFrom(N3), [], 'what n1 got from n3');
        expectSame(
          [n1.told(N3), n3.told(N1)],
          [
            [...UP_DOWN, 'up'],
            [...UP_DOWN, 'up'],
          ],
          'what they were told then',
        );
      }),
  },
  {
    name: 'setPeers leaves alone the connections with the peers that it names, as often as it is called',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const [n1, n2, n3] = [cluster.node(N1), cluster.node(N2), cluster.node(N3)];
        for (const message of numbered(1, 20)) n1.transport.send(N2, message);
        n1.transport.setPeers(configured(N2));
        for (const message of numbered(21, 40)) n1.transport.send(N2, message);
        n1.transport.setPeers([cluster.addressed(N2), cluster.addressed(N3)]);
        n2.transport.setPeers(configured(N3, N1));
        n2.transport.setPeers([cluster.addressed(N1), cluster.addressed(N3)]);
        await cluster.connected();
        n1.transport.send(N2, LAST);
        await eventually(() => n2.has(LAST), 'the last message arrives');
        expectSame(n2.messagesFrom(N1), [...numbered(1, 40), LAST], 'what n2 got');
        expectSame([n1.told(N2), n2.told(N1), n2.told(N3), n3.told(N2)], [['up'], ['up'], ['up'], ['up']], 'changes');
      }),
  },
  {
    name: 'peers set before the start are those that the node connects with',
    run: (factory) =>
      onNewCluster(
        factory,
        [N1, N2],
        async (cluster) => {
          for (const id of [N1, N2]) cluster.node(id).transport.setPeers(all(cluster, NODES, id));
          const late = await cluster.start(N3, { configured: NODES, peers: configured(N1) });
          await cluster.connected([N1, N3]);
          await cluster.close(N1);
          await eventually(() => late.downs.length > 0, 'n3 is told of the loss');
          await cluster.start(N1, { configured: NODES });
          await cluster.connected([N1, N3]);
          expectSame([late.told(N1), late.told(N2)], [[...UP_DOWN, 'up'], []], 'what n3 was told of n1 and n2');
        },
        [N3],
      ),
  },
  {
    name: 'setPeers on a closed transport does nothing',
    run: (factory) =>
      onNewCluster(factory, NODES, async (cluster) => {
        const { transport, ups } = cluster.node(N1);
        await cluster.close(N1);
        transport.setPeers(configured(N2, N3));
        await connectAnew(cluster, N2);
        expectSame([...ups].sort(), [N2, N3], 'peers that the closed node was told of');
        expectSame(cluster.node(N2).told(N1), [], 'what the others were told of it');
      }),
  },
];

const UP_DOWN = ['up', 'down'] as const;

const configured = (...ids: readonly NodeId[]): PeerAddress[] => ids.map((id) => ({ id, address: null }));

function all(cluster: RunningCluster, ids: readonly NodeId[], except: NodeId): PeerAddress[] {
  return ids.filter((id) => id !== except).map((id) => cluster.addressed(id));
}

async function expectJoined(cluster: RunningCluster, joiner: NodeId): Promise<void> {
  const [n1, n2] = [cluster.node(N1), cluster.node(N2)];
  const joined = await cluster.start(joiner, { configured: [N1, N2, joiner] });
  n1.transport.setPeers([...configured(N2), cluster.addressed(joiner)]);
  await cluster.connected([N1, joiner]);
  n1.transport.send(joiner, FIRST);
  joined.transport.send(N1, LAST);
  await eventually(() => joined.received.length > 0 && n1.received.length > 0, 'messages pass both ways');
  expectSame(
    [joined.received, n1.received],
    [[{ from: N1, message: FIRST }], [{ from: joiner, message: LAST }]],
    'them',
  );
  expectSame([joined.ups, n2.ups], [[N1], [N1]], 'connections before n2 was told');
  n2.transport.setPeers([...configured(N1), cluster.addressed(joiner)]);
  await cluster.connected();
  expectSame(
    [n1.ups, n2.ups, joined.ups],
    [
      [N2, joiner],
      [N1, joiner],
      [N1, N2],
    ],
    'all connections',
  );
  expectSame([n1.downs, n2.downs, joined.downs], [[], [], []], 'lost connections');
}

/** Lets `id` go and come back a few times: longer than a peer needs that wrongly comes back, too. */
async function connectAnew(cluster: RunningCluster, id: NodeId): Promise<void> {
  const others = cluster.running().filter((other) => other !== id);
  for (let round = 0; round < RECONNECTS; round += 1) {
    await cluster.close(id);
    await eventually(() => others.every((other) => !cluster.node(other).isConnectedTo([id])), `${id} is gone`);
    await cluster.start(id);
    for (const other of others) await cluster.connected([id, other]);
  }
}
