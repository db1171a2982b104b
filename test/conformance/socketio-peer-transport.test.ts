import type { TransportCluster } from '@latchkey/conformance';
import { peerTransportChecks, registerConformance } from '@latchkey/conformance';
import type { NodeId } from '@latchkey/raft';
import { createSocketIoTransport } from '@latchkey/transport-socketio';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'vitest';

const HOST = '127.0.0.1';

registerConformance({ describe, it }, 'Socket.IO peer transport', peerTransportChecks, createCluster);

async function createCluster(nodes: readonly NodeId[]): Promise<TransportCluster> {
  const ports = await freePorts(nodes);
  const addressOf = (node: NodeId) => `http://${HOST}:${ports.get(node)}`;
  return {
    addressOf,
    create: (node, configured) =>
      Promise.resolve(
        createSocketIoTransport({
          nodeId: node,
          clusterId: 'conformance',
          peers: new Map(configured.map((peer) => [peer, addressOf(peer)])),
          listenHost: HOST,
          listenPort: ports.get(node) ?? 0,
          secret: 'the secret of the conformance cluster',
        }),
      ),
    dispose: () => Promise.resolve(),
  };
}

/** All are held at the same time, so that they differ. */
async function freePorts(nodes: readonly NodeId[]): Promise<Map<NodeId, number>> {
  const ports = new Map<NodeId, number>();
  const holders = nodes.map((node) => ({ node, server: createServer() }));
  for (const { node, server } of holders) {
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    ports.set(node, (server.address() as AddressInfo).port); // a TCP server that listens on a port
  }
  for (const { server } of holders) await new Promise((resolve) => server.close(resolve));
  return ports;
}
