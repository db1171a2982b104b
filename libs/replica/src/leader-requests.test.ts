import { describe, expect, it } from 'vitest';
import { textCommand } from './test-support/recording-state-machine.js';
import { N1, N2, N3, READ_TIMEOUT_MS, startedReplica, watch } from './test-support/scripted-replica.js';

describe('questions to the leader', () => {
  it('are answered by the application of this node while it leads, whoever asks', async () => {
    const node = await startedReplica();
    await node.roleChanged('leader', 2, N1);
    node.onLeaderRequest = async (from) => textCommand(`hello ${from}`);
    const own = node.replica.askLeader(new Uint8Array(0));
    await node.clock.settle();
    await node.receive(N3, { type: 'leaderRequest', requestId: 12, body: new Uint8Array(0) });
    expect(await own).toEqual(textCommand('hello n1'));
    expect(node.transport.sent).toEqual([
      { to: N3, message: { type: 'leaderResponse', requestId: 12, body: textCommand('hello n3') } },
    ]);
  });

  it('are refused by a follower, and when the handler fails', async () => {
    const node = await startedReplica();
    await node.receive(N3, { type: 'leaderRequest', requestId: 1, body: new Uint8Array(0) });
    await node.roleChanged('leader', 2, N1);
    node.onLeaderRequest = () => {
      throw new Error('not now');
    };
    await node.receive(N3, { type: 'leaderRequest', requestId: 2, body: new Uint8Array(0) });
    expect(node.sentOf('leaderRequestRefused').map(({ requestId }) => requestId)).toEqual([1, 2]);
    expect(node.failure).toBeNull();
  });

  it('wait for a leader, take its answer and nobody else’s', async () => {
    const node = await startedReplica();
    const answer = watch(node.replica.askLeader(textCommand('q')));
    await node.clock.settle();
    await node.roleChanged('follower', 2, N2);
    const requestId = node.sentOf('leaderRequest')[0]?.requestId ?? -1;
    await node.receive(N3, { type: 'leaderResponse', requestId, body: Uint8Array.of(1) });
    expect(answer.state).toBe('pending');
    await node.receive(N2, { type: 'leaderResponse', requestId, body: Uint8Array.of(2) });
    expect(answer.state).toBe('resolved {"0":2}');
  });

  it('are unknown when the leader changes or does not answer, and safe when it refuses or there is none', async () => {
    const node = await startedReplica();
    const nobody = watch(node.replica.askLeader(textCommand('a')));
    await node.clock.advance(READ_TIMEOUT_MS + 1);
    await node.roleChanged('follower', 2, N2);
    const silent = watch(node.replica.askLeader(textCommand('b')));
    await node.clock.advance(READ_TIMEOUT_MS + 1);
    const refused = watch(node.replica.askLeader(textCommand('c')));
    const changed = watch(node.replica.askLeader(textCommand('d')));
    await node.clock.settle();
    const requestId = node.sentOf('leaderRequest')[1]?.requestId ?? -1;
    await node.receive(N2, { type: 'leaderRequestRefused', requestId });
    await node.roleChanged('follower', 3, N3);
    expect([nobody.state, silent.state, refused.state, changed.state]).toEqual([
      'NO_LEADER safe',
      'OUTCOME_UNKNOWN onlyIfIdempotent',
      'NO_LEADER safe',
      'OUTCOME_UNKNOWN onlyIfIdempotent',
    ]);
  });
});
