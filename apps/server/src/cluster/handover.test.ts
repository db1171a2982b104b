import { nodeId, type NodeId } from '@latchkey/raft';
import { ReplicaError, type ReplicaStatus } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { handOver, type HandoverResult } from './handover.js';
import { Listeners } from './listeners.js';

const ELECTION_TIMEOUT_MS = 1_000;
const [N1, N2, N3] = [nodeId('n1'), nodeId('n2'), nodeId('n3')];
const TIMED_OUT = new ReplicaError('TRANSFER_FAILED', 'safe', 'it did not take over in time');

/** A leader, n1, as far as a handover looks at it. */
function leader(connectedPeers: readonly NodeId[], role: ReplicaStatus['role'] = 'leader') {
  const clock = new ManualClock();
  const peers = new Listeners<NodeId>();
  const state = { connectedPeers, transfers: 0 };
  let settle = { resolve: (_leader: NodeId): void => undefined, reject: (_error: Error): void => undefined };
  const results: (HandoverResult | null)[] = [];
  const replica = {
    // Only these parts are looked at.
    status: () =>
      ({
        nodeId: N1,
        role,
        connectedPeers: state.connectedPeers,
        membership: { voters: [N1, N2, N3], votersOutgoing: [], learners: [] },
      }) as unknown as ReplicaStatus,
    transferLeadership: () => {
      state.transfers += 1;
      return new Promise<NodeId>((resolve, reject) => (settle = { resolve, reject }));
    },
  };
  void handOver({
    replica,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    onPeerChanged: peers.add,
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  }).then((result) => results.push(result));
  const disconnect = (peer: NodeId) => {
    state.connectedPeers = state.connectedPeers.filter((other) => other !== peer);
    peers.tell(peer);
  };
  return { clock, state, results, disconnect, settle: () => settle };
}

describe('handing leadership over before a stop', () => {
  it('ends as soon as another node leads', async () => {
    const { clock, results, settle } = leader([N2, N3]);
    settle().resolve(N3);
    await clock.settle();
    expect(results).toEqual([{ leaderId: N3 }]);
  });

  it('is nothing for a node that does not lead', async () => {
    const { clock, results, state } = leader([N2, N3], 'follower');
    await clock.settle();
    expect({ results, transfers: state.transfers }).toEqual({ results: [null], transfers: 0 });
  });

  it('ends when it has failed, and says why', async () => {
    const { clock, results, settle } = leader([N2, N3]);
    settle().reject(TIMED_OUT);
    await clock.settle();
    expect(results).toEqual([{ notHandedOver: TIMED_OUT.message }]);
  });

  it('never holds a stop up for long', async () => {
    const { clock, results } = leader([N2, N3]);
    await clock.advance(ELECTION_TIMEOUT_MS - 1);
    expect(results).toEqual([]);
    await clock.advance(ELECTION_TIMEOUT_MS);
    expect(results).toMatchObject([{ notHandedOver: expect.any(String) }]);
  });

  it('is given up at once when all nodes stop together and nobody is left to elect another', async () => {
    const { clock, results, disconnect } = leader([N2, N3]);
    disconnect(N2);
    await clock.settle();
    expect(results).toEqual([]);
    disconnect(N3);
    await clock.settle();
    expect(results).toMatchObject([{ notHandedOver: expect.any(String) }]);
  });
});
