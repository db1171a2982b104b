import { peerTransportChecks, registerConformance } from '@latchkey/conformance';
import type { NodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { InMemoryNetwork } from '../../libs/replica/src/test-support/in-memory-network.js';
import { BROKEN_PEER_TRANSPORTS, BrokenPeerTransport } from './broken-peer-transports.js';
import { rejectedChecks } from './rejected-checks.js';

const LATENCY_MS = 0;

/** Real time, because the contract is written for real adapters. */
const realTimers = {
  setTimer: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Nobody looks at it: on this network a name is an address. */
const addressOf = (node: NodeId): string => `memory://${node}`;

const network = (): InMemoryNetwork => new InMemoryNetwork(realTimers, LATENCY_MS);

registerConformance({ describe, it }, 'peer transport contract: memory', peerTransportChecks, async () => {
  const cluster = network();
  return {
    create: async (node, configured) => cluster.transport(node, configured),
    addressOf,
    dispose: async () => {},
  };
});

describe('the peer transport contract rejects transports that break it', () => {
  it.each(BROKEN_PEER_TRANSPORTS)('a transport that $name', async ({ createMistake, rejectedBy }) => {
    const rejected = await rejectedChecks(checksNamed(rejectedBy), async () => {
      const cluster = network();
      const create = async (node: NodeId, configured: readonly NodeId[]) =>
        new BrokenPeerTransport(cluster.transport(node, configured), createMistake());
      return { create, addressOf, dispose: async () => {} };
    });
    expect(rejected).toHaveLength(1);
  });
});

function checksNamed(start: string) {
  const checks = peerTransportChecks.filter(({ name }) => name.startsWith(start));
  expect(checks).toHaveLength(1);
  return checks;
}
