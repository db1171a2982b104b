import { nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import {
  ELECTION_TIMEOUT_MS,
  leadingReplica,
  N1,
  N2,
  N3,
  ScriptedReplica,
  watch,
} from './test-support/scripted-replica.js';

async function asked(node: ScriptedReplica): Promise<{ state: string }> {
  const call = watch(node.replica.transferLeadership(N3));
  await node.clock.settle();
  return call;
}

describe('transferLeadership', () => {
  it('asks the core, and resolves with the leader that comes after', async () => {
    const node = await leadingReplica();
    const call = await asked(node);
    expect(node.core.inputsOf('transferLeadership')).toEqual([{ type: 'transferLeadership', to: N3 }]);
    await node.roleChanged('follower', 3, null);
    expect(call.state).toBe('pending');
    await node.roleChanged('follower', 3, N3);
    expect(call.state).toBe('resolved "n3"');
  });

  it.each([
    ['timedOut', 'TRANSFER_FAILED safe'],
    ['notVoter', 'TRANSFER_FAILED safe'],
    ['changePending', 'TRANSFER_FAILED safe'],
    ['noTarget', 'TRANSFER_FAILED safe'],
    ['alreadyTransferring', 'TRANSFER_FAILED safe'],
    ['notLeader', 'NOT_LEADER safe'],
  ] as const)('that the core ends as %s fails as %s', async (reason, expected) => {
    const node = await leadingReplica();
    node.core.onNext('transferLeadership', [{ type: 'transferFailed', reason }]);
    expect((await asked(node)).state).toBe(expected);
  });

  it('says in words why it failed', async () => {
    const node = await leadingReplica();
    node.core.onNext('transferLeadership', [{ type: 'transferFailed', reason: 'changePending' }]);
    const call = node.replica.transferLeadership(null).catch((error: unknown) => String(error));
    await node.clock.settle();
    expect(await call).toContain('a change of the membership is under way');
  });

  it('fails when leadership is lost and nobody takes it', async () => {
    const node = await leadingReplica();
    const call = await asked(node);
    await node.roleChanged('follower', 3, null);
    await node.clock.advance(ELECTION_TIMEOUT_MS - 1);
    expect(call.state).toBe('pending');
    await node.clock.advance(2);
    expect(call.state).toBe('TRANSFER_FAILED safe');
  });

  it('fails when this node is elected again', async () => {
    const node = await leadingReplica();
    const call = await asked(node);
    await node.roleChanged('follower', 3, null);
    await node.roleChanged('leader', 4, N1);
    expect(call.state).toBe('TRANSFER_FAILED safe');
  });

  it('is one at a time', async () => {
    const node = await leadingReplica();
    const first = await asked(node);
    expect((await asked(node)).state).toBe('TRANSFER_FAILED safe');
    expect(node.core.inputsOf('transferLeadership')).toHaveLength(1);
    await node.roleChanged('follower', 3, N2);
    expect(first.state).toBe('resolved "n2"');
  });

  it('is refused where nobody leads', async () => {
    const node = new ScriptedReplica();
    const early = watch(node.replica.transferLeadership(null));
    await node.start();
    await node.roleChanged('follower', 2, nodeId('n2'));
    const late = await asked(node);
    expect([early.state, late.state]).toEqual(['NOT_LEADER safe', 'NOT_LEADER safe']);
  });

  it('fails when the node stops meanwhile', async () => {
    const node = await leadingReplica();
    const call = await asked(node);
    const stopped = node.replica.stop();
    await node.clock.settle();
    await stopped;
    expect(call.state).toBe('TRANSFER_FAILED safe');
  });
});

describe('a snapshot that the core wants sent', () => {
  it('by a node without checkpoints is reported as not delivered', async () => {
    const node = await leadingReplica();
    const membership = node.core.membership;
    await node.effects({
      type: 'sendSnapshot',
      to: N2,
      snapshot: { index: node.replica.status().commitIndex, term: term(1), membership },
    });
    expect(node.core.inputsOf('snapshotTransferEnded')).toEqual([
      { type: 'snapshotTransferEnded', peer: N2, delivered: false },
    ]);
  });
});
