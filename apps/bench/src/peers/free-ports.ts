import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** Ports of 127.0.0.1 that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    // Always an AddressInfo for a TCP server that listens.
    const { port } = server.address() as AddressInfo;
    return port;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
