import { logIndex, proposalId, term, type Effect, type Input } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import {
  LEADER_WAIT_ELECTION_TIMEOUTS,
  MAX_COMMAND_BYTES,
  MAX_PATIENT_PROPOSALS,
  PATIENT_PROPOSAL_MS,
} from './limits.js';
import { commandOf, incarnationOf, leaderTermOf, proposedAtMsOf, sequenceOf } from './proposal-envelope.js';
import { textCommand } from './test-support/recording-state-machine.js';
import {
  commandEntry,
  ELECTION_TIMEOUT_MS,
  followingReplica,
  INCARNATION,
  leadingReplica,
  MAX_PENDING,
  N2,
  N3,
  noop,
  PROPOSAL_TIMEOUT_MS,
  type ScriptedReplica,
  startedReplica,
  watch,
} from './test-support/scripted-replica.js';

/** How long a proposal waits for a leader, or for certainty about the one it was sent to. */
const FATE_WAIT_MS = LEADER_WAIT_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS;

/** Gives every proposal a place in the log, from `firstIndex` on. */
function appendAll(firstIndex: number) {
  let nextIndex = firstIndex;
  return (input: Input): readonly Effect[] => {
    if (input.type !== 'propose') return [];
    return input.proposals.map(({ proposalId }) => {
      nextIndex += 1;
      return { type: 'proposalAppended', proposalId, index: logIndex(nextIndex - 1), term: term(2) };
    });
  };
}

const textOf = (envelope: Uint8Array): string => new TextDecoder().decode(commandOf(envelope));

describe('proposals at the leader', () => {
  it('go to the core in one input when they come in one turn, stamped with its wall clock', async () => {
    const node = await leadingReplica();
    for (const text of ['a', 'b', 'c']) watch(node.replica.propose(textCommand(text)));
    await node.clock.settle();
    const inputs = node.core.inputsOf('propose');
    expect(inputs.map(({ proposals }) => proposals.length)).toEqual([3]);
    const [first] = inputs[0]?.proposals ?? [];
    expect(proposedAtMsOf(first?.data ?? new Uint8Array(0))).toBe(node.clock.wallTimeMs());
  });

  it('resolve with the outcome of the own apply', async () => {
    const node = await leadingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    const data = node.core.inputsOf('propose')[0]?.proposals[0]?.data ?? new Uint8Array(0);
    await node.effects({ type: 'apply', entries: [commandEntry(1, data, 2)] });
    expect(proposal.state).toBe('resolved {"index":1,"text":"a"}');
  });

  it('are unknown when leadership ends and nothing tells of their fate, and a late commit changes nothing', async () => {
    const node = await leadingReplica();
    node.core.onAny(appendAll(5));
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    await node.roleChanged('follower', 3, N2);
    await node.clock.advance(FATE_WAIT_MS - 1);
    expect(proposal.state).toBe('pending');
    await node.clock.advance(1);
    expect(proposal.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
    const data = node.core.inputsOf('propose')[0]?.proposals[0]?.data ?? new Uint8Array(0);
    await node.effects({ type: 'apply', entries: [commandEntry(1, data, 2)] });
    expect(node.machine.texts).toEqual(['a']);
    expect(node.failure).toBeNull();
  });

  it.each([
    ['overloaded', 'OVERLOADED safe'],
    ['tooLarge', 'TOO_LARGE never'],
  ] as const)('that the core refuses as %s fail as %s', async (reason, expected) => {
    const node = await leadingReplica();
    node.core.onNext('propose', [{ type: 'proposalRefused', proposalId: proposalId(1), reason }]);
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    expect(proposal.state).toBe(expected);
  });

  it('are refused at once above the limits of number and size', async () => {
    const node = await leadingReplica();
    const within = Array.from({ length: MAX_PENDING }, () => watch(node.replica.propose(textCommand('a'))));
    const above = watch(node.replica.propose(textCommand('b')));
    const large = watch(node.replica.propose(new Uint8Array(MAX_COMMAND_BYTES + 1)));
    await node.clock.settle();
    expect(new Set(within.map(({ state }) => state))).toEqual(new Set(['pending']));
    expect([above.state, large.state]).toEqual(['OVERLOADED safe', 'TOO_LARGE never']);
  });

  it('are unknown when no outcome comes in time', async () => {
    const node = await leadingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.advance(PROPOSAL_TIMEOUT_MS + 1);
    expect(proposal.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });
});

describe('proposals at the leader that nobody waits for yet', () => {
  const patiently = { canWait: () => true };
  const proposed = (node: ScriptedReplica) =>
    node.core.inputsOf('propose').map(({ proposals }) => proposals.map(({ data }) => textOf(data)));

  it('go with the next that somebody waits for, in the order in which they came', async () => {
    const node = await leadingReplica();
    watch(node.replica.propose(textCommand('a'), patiently));
    await node.clock.settle();
    watch(node.replica.propose(textCommand('b'), patiently));
    await node.clock.settle();
    expect(proposed(node)).toEqual([]);
    watch(node.replica.propose(textCommand('c')));
    await node.clock.settle();
    expect(proposed(node)).toEqual([['a', 'b', 'c']]);
  });

  it('go by themselves after a few milliseconds', async () => {
    const node = await leadingReplica();
    watch(node.replica.propose(textCommand('a'), patiently));
    await node.clock.advance(PATIENT_PROPOSAL_MS - 1);
    expect(proposed(node)).toEqual([]);
    await node.clock.advance(1);
    expect(proposed(node)).toEqual([['a']]);
  });

  it('go as soon as what is applied makes somebody wait for them', async () => {
    const node = await leadingReplica();
    let canWait = true;
    watch(node.replica.propose(textCommand('a'), { canWait: () => canWait }));
    await node.clock.settle();
    expect(proposed(node)).toEqual([]);
    canWait = false;
    await node.effects({ type: 'apply', entries: [noop(1, 2)] });
    expect(proposed(node)).toEqual([['a']]);
  });

  it('go when there are many of them', async () => {
    const node = await leadingReplica();
    const texts = Array.from({ length: MAX_PATIENT_PROPOSALS + 1 }, (_, number) => `${number}`);
    for (const text of texts.slice(0, MAX_PATIENT_PROPOSALS)) watch(node.replica.propose(textCommand(text), patiently));
    await node.clock.settle();
    expect(proposed(node)).toEqual([]);
    watch(node.replica.propose(textCommand(texts.at(-1) ?? ''), patiently));
    await node.clock.settle();
    expect(proposed(node)).toEqual([texts]);
  });

  it('are forwarded at once by a node that does not lead', async () => {
    const node = await followingReplica();
    watch(node.replica.propose(textCommand('a'), patiently));
    await node.clock.settle();
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
  });

  it('fail safely when no leader comes, like all others', async () => {
    const node = await startedReplica();
    const proposal = watch(node.replica.propose(textCommand('a'), patiently));
    await node.clock.advance(FATE_WAIT_MS + 1);
    expect(proposal.state).toBe('NO_LEADER safe');
  });
});

describe('proposals without a leader', () => {
  it('wait for one a while and then fail safely, as nothing was done', async () => {
    const node = await startedReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    const waitMs = LEADER_WAIT_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS;
    await node.clock.advance(waitMs - 1);
    expect(proposal.state).toBe('pending');
    await node.clock.advance(2);
    expect(proposal.state).toBe('NO_LEADER safe');
    expect(node.transport.sent.filter(({ message }) => message.type !== 'membersWanted')).toEqual([]);
  });

  it('go to the leader as soon as there is one', async () => {
    const node = await startedReplica();
    watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    await node.roleChanged('follower', 2, N3);
    expect(node.transport.sent.map(({ to, message }) => [to, message.type])).toEqual([[N3, 'forwardProposals']]);
  });

  it('are not sent to a leader whose connection is closed', async () => {
    const node = await followingReplica();
    node.transport.handlers?.onPeerDown(N2);
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    expect(node.sentOf('forwardProposals')).toEqual([]);
    node.transport.handlers?.onPeerUp(N2);
    await node.clock.settle();
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    expect(proposal.state).toBe('pending');
  });
});

describe('proposals at a follower', () => {
  it('of one turn are forwarded in one message that names origin and leadership', async () => {
    const node = await followingReplica();
    for (const text of ['a', 'b', 'c']) watch(node.replica.propose(textCommand(text)));
    await node.clock.settle();
    const messages = node.sentOf('forwardProposals');
    expect(messages.map(({ proposals }) => proposals.length)).toEqual([3]);
    const [first] = messages[0]?.proposals ?? [];
    expect([incarnationOf(first ?? new Uint8Array(0)), leaderTermOf(first ?? new Uint8Array(0))]).toEqual([
      INCARNATION,
      2,
    ]);
  });

  it('resolve when they are applied here', async () => {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    const data = node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0);
    await node.effects({ type: 'apply', entries: [commandEntry(1, data)] });
    expect(proposal.state).toBe('resolved {"index":1,"text":"a"}');
  });

  it('are unknown at once when the connection to the leader closes', async () => {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    node.transport.handlers?.onPeerDown(N2);
    await node.clock.settle();
    expect(proposal.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
  });

  it('that a node refuses because it does not lead go to the next leader, under a new sequence', async () => {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    const first = sequenceOf(node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0));
    const refusal = { type: 'proposalsRefused', sequences: [first], reason: 'notLeader' } as const;
    await node.receive(N2, refusal);
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    await node.roleChanged('follower', 3, N3);
    const second = node.sentOf('forwardProposals')[1]?.proposals[0] ?? new Uint8Array(0);
    expect(sequenceOf(second)).not.toBe(first);
    // A late copy of the first refusal says nothing about the second attempt.
    await node.receive(N2, refusal);
    await node.receive(N3, refusal);
    expect(proposal.state).toBe('pending');
    await node.effects({ type: 'apply', entries: [commandEntry(1, second)] });
    expect(proposal.state).toBe('resolved {"index":1,"text":"a"}');
  });

  it('ignore a refusal from a node that was not asked', async () => {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    const sequence = sequenceOf(node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0));
    await node.receive(N3, { type: 'proposalsRefused', sequences: [sequence], reason: 'overloaded' });
    expect(proposal.state).toBe('pending');
  });
});

describe('proposals whose leadership ends before their outcome is known', () => {
  async function sentToN2(): Promise<{ node: ScriptedReplica; proposal: { state: string }; first: Uint8Array }> {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    return { node, proposal, first: node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0) };
  }

  it.each([
    ['the term changes', 3, N2],
    ['another node leads', 3, N3],
    ['no leader is known any more', 2, null],
  ] as const)('are unknown after a while when %s and nothing more is heard', async (_situation, inTerm, leader) => {
    const { node, proposal } = await sentToN2();
    await node.roleChanged('follower', inTerm, leader);
    await node.clock.advance(FATE_WAIT_MS - 1);
    expect(proposal.state).toBe('pending');
    await node.clock.advance(1);
    expect(proposal.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
  });

  it('have their outcome when the next leader commits them', async () => {
    const { node, proposal, first } = await sentToN2();
    await node.roleChanged('follower', 3, N3);
    await node.effects({ type: 'apply', entries: [commandEntry(1, first, 2), noop(2, 3)] });
    expect(proposal.state).toBe('resolved {"index":1,"text":"a"}');
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
  });

  it('go to the next leader, under a new sequence, once an entry of its term was applied without them', async () => {
    const { node, proposal, first } = await sentToN2();
    await node.roleChanged('follower', 3, N3);
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    await node.effects({ type: 'apply', entries: [noop(1, 3)] });
    const second = node.sentOf('forwardProposals')[1]?.proposals[0] ?? new Uint8Array(0);
    expect([textOf(second), leaderTermOf(second)]).toEqual(['a', 3]);
    expect(sequenceOf(second)).not.toBe(sequenceOf(first));
    await node.effects({ type: 'apply', entries: [commandEntry(2, second, 3)] });
    expect(proposal.state).toBe('resolved {"index":2,"text":"a"}');
  });

  it('are not sent anew for an entry of the term that they were meant for', async () => {
    const { node, proposal } = await sentToN2();
    await node.roleChanged('follower', 3, N3);
    await node.effects({ type: 'apply', entries: [noop(1, 2)] });
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    expect(proposal.state).toBe('pending');
  });

  it('are told apart by the term that they were meant for', async () => {
    const { node } = await sentToN2();
    await node.roleChanged('follower', 3, N3);
    watch(node.replica.propose(textCommand('b')));
    await node.clock.settle();
    await node.roleChanged('follower', 4, N2);
    await node.effects({ type: 'apply', entries: [noop(1, 3)] });
    expect(node.sentOf('forwardProposals').map(({ proposals }) => proposals.map(textOf))).toEqual([
      ['a'],
      ['b'],
      ['a'],
    ]);
    await node.effects({ type: 'apply', entries: [noop(2, 4)] });
    expect(node.sentOf('forwardProposals').at(-1)?.proposals.map(textOf)).toEqual(['b']);
  });

  it('have no place in the log of this node any more once they were sent on', async () => {
    const node = await leadingReplica();
    node.core.onAny(appendAll(1));
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    await node.roleChanged('follower', 3, N2);
    await node.effects({ type: 'apply', entries: [noop(1, 3)] });
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    await node.roleChanged('follower', 4, N3);
    await node.clock.advance(FATE_WAIT_MS);
    expect(proposal.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });

  it('are as before when the same leadership shows itself again', async () => {
    const { node, proposal, first } = await sentToN2();
    await node.roleChanged('follower', 2, null);
    await node.roleChanged('follower', 2, N2);
    await node.clock.advance(FATE_WAIT_MS + 1);
    expect(proposal.state).toBe('pending');
    await node.effects({ type: 'apply', entries: [commandEntry(1, first, 2)] });
    expect(proposal.state).toBe('resolved {"index":1,"text":"a"}');
  });

  it('do not become unknown when the old leader leaves while they wait for the next', async () => {
    const { node, proposal } = await sentToN2();
    await node.roleChanged('follower', 3, N3);
    node.transport.handlers?.onPeerDown(N2);
    await node.effects({ type: 'apply', entries: [noop(1, 3)] });
    expect(node.sentOf('forwardProposals')).toHaveLength(2);
    expect(proposal.state).toBe('pending');
  });
});

describe('proposals while leadership is handed over', () => {
  const refusalOf = (sequence: number) =>
    ({ type: 'proposalsRefused', sequences: [sequence], reason: 'transferring' }) as const;

  async function refusedByN2(): Promise<{ node: ScriptedReplica; proposal: { state: string } }> {
    const node = await followingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    const envelope = node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0);
    await node.receive(N2, refusalOf(sequenceOf(envelope)));
    return { node, proposal };
  }

  it('wait for the next leader, and so do those that come later', async () => {
    const { node } = await refusedByN2();
    watch(node.replica.propose(textCommand('b')));
    await node.clock.advance(ELECTION_TIMEOUT_MS - 1);
    expect(node.sentOf('forwardProposals')).toHaveLength(1);
    await node.roleChanged('follower', 3, N3);
    const sent = node.transport.sent.filter(({ message }) => message.type === 'forwardProposals');
    expect(sent.map(({ to }) => to)).toEqual([N2, N3]);
    expect(node.sentOf('forwardProposals')[1]?.proposals.map(textOf)).toEqual(['a', 'b']);
  });

  it('are offered to the same leader again when the handover must be over, and no more often', async () => {
    const { node, proposal } = await refusedByN2();
    await node.clock.advance(ELECTION_TIMEOUT_MS + 1);
    expect(node.sentOf('forwardProposals')).toHaveLength(2);
    const second = node.sentOf('forwardProposals')[1]?.proposals[0] ?? new Uint8Array(0);
    await node.receive(N2, refusalOf(sequenceOf(second)));
    await node.clock.advance(ELECTION_TIMEOUT_MS - 2);
    expect(node.sentOf('forwardProposals')).toHaveLength(2);
    expect(proposal.state).toBe('pending');
  });

  it('fail safely when no leader takes them in time', async () => {
    const { node, proposal } = await refusedByN2();
    await node.roleChanged('follower', 2, null);
    await node.clock.advance(FATE_WAIT_MS + 1);
    expect(proposal.state).toBe('NO_LEADER safe');
  });

  it('at the leader itself are taken as soon as the handover has failed', async () => {
    const node = await leadingReplica();
    node.core.onNext('propose', [{ type: 'proposalRefused', proposalId: proposalId(1), reason: 'transferring' }]);
    watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    watch(node.replica.propose(textCommand('b')));
    await node.clock.settle();
    expect(node.core.inputsOf('propose')).toHaveLength(1);
    await node.effects({ type: 'transferFailed', reason: 'timedOut' });
    expect(node.core.inputsOf('propose').map(({ proposals }) => proposals.length)).toEqual([1, 2]);
  });
});
