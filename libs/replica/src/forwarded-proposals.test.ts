import { proposalId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import { commandOf, sealProposal, stampLeaderTerm } from './proposal-envelope.js';
import { textCommand } from './test-support/recording-state-machine.js';
import { followingReplica, leadingReplica, N1, N2, N3, watch } from './test-support/scripted-replica.js';

const PEER_INCARNATION = 77;

const textOf = (envelope: Uint8Array): string => new TextDecoder().decode(commandOf(envelope));

function forwarded(sequence: number, text: string, leaderTerm: number): Uint8Array {
  const envelope = sealProposal({ incarnation: PEER_INCARNATION, sequence }, textCommand(text), new ByteSlab());
  stampLeaderTerm(envelope, leaderTerm);
  return envelope;
}

describe('forwarded proposals at the leader', () => {
  it('are appended together with its own, each once however often the network repeats it', async () => {
    const node = await leadingReplica();
    watch(node.replica.propose(textCommand('own')));
    const message = { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2), forwarded(2, 'b', 2)] } as const;
    await node.receive(N2, message);
    await node.receive(N2, message);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(2, 'b', 2), forwarded(3, 'c', 2)] });
    const appended = node.core.inputsOf('propose').map(({ proposals }) => proposals.map(({ data }) => textOf(data)));
    expect(appended).toEqual([['own', 'a', 'b'], ['c']]);
    expect(node.sentOf('proposalsRefused')).toEqual([]);
  });

  it('take along its own that nobody waits for yet', async () => {
    const node = await leadingReplica();
    watch(node.replica.propose(textCommand('own'), { canWait: () => true }));
    await node.clock.settle();
    expect(node.core.inputsOf('propose')).toEqual([]);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2)] });
    const appended = node.core.inputsOf('propose').map(({ proposals }) => proposals.map(({ data }) => textOf(data)));
    expect(appended).toEqual([['own', 'a']]);
  });

  it('that come after its leadership has ended are refused: no log has them', async () => {
    const node = await leadingReplica(2);
    await node.roleChanged('follower', 2, null);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2)] });
    await node.roleChanged('follower', 3, N3);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(2, 'b', 2)] });
    expect(node.sentOf('proposalsRefused')).toEqual([
      { type: 'proposalsRefused', sequences: [1], reason: 'notLeader' },
      { type: 'proposalsRefused', sequences: [2], reason: 'notLeader' },
    ]);
  });

  it('that it has appended are not refused when the network repeats them after its leadership', async () => {
    const node = await leadingReplica(2);
    const message = { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2)] } as const;
    await node.receive(N2, message);
    await node.roleChanged('follower', 2, null);
    await node.receive(N2, message);
    expect(node.core.inputsOf('propose')).toHaveLength(1);
    expect(node.sentOf('proposalsRefused')).toEqual([]);
  });

  it('meant for a leadership of which it remembers nothing are neither appended nor refused', async () => {
    const node = await leadingReplica(2);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(1, 'a', 1)] });
    await node.roleChanged('leader', 4, N1);
    await node.receive(N2, { type: 'forwardProposals', proposals: [forwarded(2, 'b', 2)] });
    const follower = await followingReplica();
    await follower.receive(N3, { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2)] });
    for (const { core, transport } of [node, follower]) {
      expect(core.inputsOf('propose')).toEqual([]);
      expect(transport.sent).toEqual([]);
    }
  });

  it('that the core refuses are refused to their origin, and a repeat is not appended afterwards', async () => {
    const node = await leadingReplica();
    node.core.onNext('propose', [{ type: 'proposalRefused', proposalId: proposalId(1), reason: 'overloaded' }]);
    const message = { type: 'forwardProposals', proposals: [forwarded(1, 'a', 2)] } as const;
    await node.receive(N2, message);
    await node.receive(N2, message);
    expect(node.core.inputsOf('propose')).toHaveLength(1);
    expect(node.sentOf('proposalsRefused')).toEqual([
      { type: 'proposalsRefused', sequences: [1], reason: 'overloaded' },
    ]);
  });

  it('that are no envelopes are dropped and the node lives on', async () => {
    const node = await leadingReplica();
    await node.receive(N2, {
      type: 'forwardProposals',
      proposals: [new Uint8Array(0), Uint8Array.of(1, 2), forwarded(1, 'a', 2)],
    });
    expect(node.core.inputsOf('propose').map(({ proposals }) => proposals.length)).toEqual([1]);
    expect(node.failure).toBeNull();
  });
});
