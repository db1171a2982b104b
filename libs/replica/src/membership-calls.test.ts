import {
  logIndex,
  nodeId,
  persistId,
  proposalId,
  term,
  type Effect,
  type LogEntry,
  type Membership,
  type MembershipChange,
} from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { MAX_MEMBERSHIP_REQUESTS, OTHER_PEER_ELECTION_TIMEOUTS } from './limits.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { textCommand } from './test-support/recording-state-machine.js';
import {
  ELECTION_TIMEOUT_MS,
  leadingReplica,
  N1,
  N2,
  N3,
  persistEffect,
  PROPOSAL_TIMEOUT_MS,
  ScriptedReplica,
  watch,
} from './test-support/scripted-replica.js';

const N4 = nodeId('n4');
const N4_ADDRESS = 'http://n4.example:7401';
const ADD_N4: MembershipChange = { type: 'addLearner', node: N4, address: N4_ADDRESS };
const CHANGED_AT = 7;
const THE_OTHERS = ['n2 null', 'n3 null'];
const KEPT_MS = OTHER_PEER_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS;

const WITH_N4: Membership = {
  voters: [N1, N2, N3],
  votersOutgoing: [],
  learners: [N4],
  addresses: { [N4]: N4_ADDRESS },
};
const ALL_THREE: Membership = { voters: [N1, N2, N3], votersOutgoing: [], learners: [] };
const JOINT: Membership = { voters: [N1, N2, N4], votersOutgoing: [N1, N2, N3], learners: [] };
const WITHOUT_N3: Membership = { voters: [N1, N2], votersOutgoing: [], learners: [] };

const appended = (id: number, index = CHANGED_AT): Effect => ({
  type: 'membershipChangeAppended',
  proposalId: proposalId(id),
  index: logIndex(index),
  term: term(2),
});

const committed = (membership: Membership, index = CHANGED_AT): Effect => ({
  type: 'membershipCommitted',
  index: logIndex(index),
  membership,
});

async function asked(node: ScriptedReplica, ...effects: Effect[]): Promise<{ state: string }> {
  node.core.onNext('changeMembership', effects);
  const call = watch(node.replica.changeMembership(ADD_N4));
  await node.clock.settle();
  return call;
}

const peersOf = (node: ScriptedReplica): unknown => node.transport.peers?.map(({ id, address }) => `${id} ${address}`);

describe('changeMembership', () => {
  it('asks the core, and resolves with the membership that is committed', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    expect(node.core.inputsOf('changeMembership').map(({ change }) => change)).toEqual([ADD_N4]);
    expect(call.state).toBe('pending');
    await node.effects(committed(WITH_N4));
    expect(call.state).toBe(`resolved ${JSON.stringify(WITH_N4)}`);
  });

  it('waits for the end of a joint membership, and is not ended by an earlier change', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    await node.effects(committed(WITHOUT_N3, CHANGED_AT - 1));
    await node.effects(committed(JOINT));
    expect(call.state).toBe('pending');
    await node.effects(committed(WITH_N4, CHANGED_AT + 1));
    expect(call.state).toBe(`resolved ${JSON.stringify(WITH_N4)}`);
  });

  it.each([
    ['changePending', 'MEMBERSHIP_REFUSED safe'],
    ['notCaughtUp', 'MEMBERSHIP_REFUSED safe'],
    ['transferring', 'MEMBERSHIP_REFUSED safe'],
    ['notMember', 'MEMBERSHIP_REFUSED never'],
    ['noVoterLeft', 'MEMBERSHIP_REFUSED never'],
    ['notLeader', 'NOT_LEADER safe'],
  ] as const)('that the core refuses as %s fails as %s', async (reason, expected) => {
    const node = await leadingReplica();
    const call = await asked(node, { type: 'membershipChangeRefused', proposalId: proposalId(1), reason });
    expect(call.state).toBe(expected);
  });

  it('says in words why it was refused', async () => {
    const node = await leadingReplica();
    node.core.onNext('changeMembership', [
      { type: 'membershipChangeRefused', proposalId: proposalId(1), reason: 'notCaughtUp' },
    ]);
    const call = node.replica.changeMembership(ADD_N4).catch((error: unknown) => String(error));
    await node.clock.settle();
    expect(await call).toContain('the node is too far behind to be given a vote');
  });

  it('is refused at once where nobody leads, and above the limit', async () => {
    const node = await leadingReplica();
    const calls = Array.from({ length: MAX_MEMBERSHIP_REQUESTS + 1 }, () =>
      watch(node.replica.changeMembership(ADD_N4)),
    );
    await node.clock.settle();
    expect(calls.at(-1)?.state).toBe('OVERLOADED safe');
    await node.roleChanged('follower', 3, N2);
    const call = watch(node.replica.changeMembership(ADD_N4));
    await node.clock.settle();
    expect(call.state).toBe('NOT_LEADER safe');
  });

  it('is unknown when leadership is lost after the change was appended', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    await node.roleChanged('follower', 3, N2);
    expect(call.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });

  it('succeeds for a leader that removes itself and steps down in the same step', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    await node.effects(
      { type: 'roleChanged', role: 'follower', term: term(2), leaderId: null },
      committed({ voters: [N2, N3], votersOutgoing: [], learners: [] }),
      { type: 'removed' },
    );
    expect(call.state).toContain('resolved');
    expect(node.replica.status().phase).toBe('removed');
  });

  it('is unknown when it is not committed in time', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    await node.clock.advance(PROPOSAL_TIMEOUT_MS + 1);
    expect(call.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });

  it('is unknown when the node stops meanwhile', async () => {
    const node = await leadingReplica();
    const call = await asked(node, appended(1));
    const stopped = node.replica.stop();
    await node.clock.settle();
    await stopped;
    expect(call.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });
});

describe('the peers of the transport', () => {
  const BOTH = THE_OTHERS;

  /** The core appends, or takes back, the entry of a membership. */
  async function logged(node: ScriptedReplica, index: number, membership: Membership, isTruncation = false) {
    const entry: LogEntry = { type: 'membership', index: logIndex(index), term: term(2), membership };
    node.core.membership = membership;
    const truncateFrom = isTruncation ? logIndex(index) : null;
    await node.effects({
      type: 'persist',
      persistId: persistId(index),
      hardState: null,
      truncateFrom,
      entries: isTruncation ? [] : [entry],
    });
  }

  /** n1 with n2 and n3 as the log has them. */
  async function clusterOfThree(): Promise<ScriptedReplica> {
    const node = await leadingReplica();
    await logged(node, 1, ALL_THREE);
    await node.effects(committed(ALL_THREE, 1));
    return node;
  }

  it('are told a new member as soon as the log names it, committed or not', async () => {
    const node = await clusterOfThree();
    expect(peersOf(node)).toEqual(BOTH);
    await logged(node, 2, WITH_N4);
    expect(peersOf(node)).toEqual([...BOTH, `n4 ${N4_ADDRESS}`]);
  });

  it('forget it again some time after its entry was taken back', async () => {
    const node = await clusterOfThree();
    await logged(node, 2, WITH_N4);
    await logged(node, 2, ALL_THREE, true);
    expect(peersOf(node)).toEqual([...BOTH, `n4 ${N4_ADDRESS}`]);
    await node.clock.advance(KEPT_MS + 1);
    expect(peersOf(node)).toEqual(BOTH);
  });

  it('keep a removed member until it can have heard of it', async () => {
    const node = await clusterOfThree();
    await logged(node, 2, WITHOUT_N3);
    await node.clock.advance(10 * KEPT_MS);
    expect(peersOf(node)).toEqual(BOTH);
    await node.effects(committed(WITHOUT_N3, 2));
    await node.clock.advance(KEPT_MS - 1);
    expect(peersOf(node)).toEqual(BOTH);
    await node.clock.advance(2);
    expect(peersOf(node)).toEqual(['n2 null']);
  });

  it('are none when nobody else is a member any more', async () => {
    const node = await clusterOfThree();
    await logged(node, 2, { voters: [N1], votersOutgoing: [], learners: [] });
    await node.effects(committed({ voters: [N1], votersOutgoing: [], learners: [] }, 2));
    await node.clock.advance(KEPT_MS + 1);
    expect(peersOf(node)).toEqual([]);
  });

  it('stay those that were configured while the node knows no membership', async () => {
    const node = new ScriptedReplica();
    await Promise.all([node.replica.start(), node.clock.settle()]);
    node.transport.peers = null;
    await logged(node, 1, { voters: [], votersOutgoing: [], learners: [] });
    expect(node.transport.peers).toBeNull();
    expect(node.failure).toBeNull();
  });
});

describe('a node that was away while the members changed', () => {
  const members = (membership: Membership): PeerMessage => ({ type: 'members', membership });

  async function knowingThree(): Promise<ScriptedReplica> {
    const node = new ScriptedReplica();
    await node.start();
    const entry: LogEntry = { type: 'membership', index: logIndex(1), term: term(1), membership: ALL_THREE };
    node.core.membership = ALL_THREE;
    await node.effects(persistEffect(1, entry));
    return node;
  }

  it('asks everybody it is connected with who the members are, again and again until it hears a leader', async () => {
    const node = await knowingThree();
    await node.clock.advance(ELECTION_TIMEOUT_MS - 1);
    expect(node.sentOf('membersWanted')).toEqual([]);
    await node.clock.advance(1);
    expect(node.transport.sent.map(({ to }) => to)).toEqual([N2, N3]);
    await node.clock.advance(ELECTION_TIMEOUT_MS);
    expect(node.sentOf('membersWanted')).toHaveLength(4);
    await node.roleChanged('follower', 2, N2);
    await node.clock.advance(10 * ELECTION_TIMEOUT_MS);
    expect(node.sentOf('membersWanted')).toHaveLength(4);
  });

  it('is told by whoever it asks, also by those who hear no leader either', async () => {
    const node = await knowingThree();
    await node.receive(N3, { type: 'membersWanted' });
    expect(node.sentOf('members')).toEqual([members(ALL_THREE)]);
  });

  it('lets a member that it did not know reach it, for as long as that one leads', async () => {
    const node = await knowingThree();
    await node.receive(N2, members(WITH_N4));
    expect(peersOf(node)).toEqual([...THE_OTHERS, `n4 ${N4_ADDRESS}`]);
    await node.roleChanged('follower', 2, N4);
    await node.clock.advance(3 * KEPT_MS);
    expect(peersOf(node)).toEqual([...THE_OTHERS, `n4 ${N4_ADDRESS}`]);
    await node.roleChanged('follower', 3, N2);
    await node.clock.advance(KEPT_MS + 1);
    expect(peersOf(node)).toEqual(THE_OTHERS);
  });
});

describe('a node that is removed', () => {
  it('fails its callers, closes its transport, says so, and is silent', async () => {
    const node = await leadingReplica();
    const proposal = watch(node.replica.propose(textCommand('a')));
    const waiter = watch(node.replica.waitForApplied(logIndex(99), PROPOSAL_TIMEOUT_MS));
    await node.clock.settle();
    await node.effects({ type: 'removed' });
    expect([proposal.state, waiter.state]).toEqual(['OUTCOME_UNKNOWN onlyIfIdempotent', 'SHUTTING_DOWN safe']);
    expect(node.removals).toBe(1);
    expect(node.transport.isClosed).toBe(true);
    const sentBefore = node.transport.sent.length;
    const inputsBefore = node.core.inputs.length;
    await node.receive(N2, { type: 'raft', message: { type: 'voteResponse', term: term(9), voteGranted: true } });
    await node.clock.advance(10 * ELECTION_TIMEOUT_MS);
    expect([node.transport.sent.length, node.core.inputs.length]).toEqual([sentBefore, inputsBefore]);
    const late = watch(node.replica.propose(textCommand('b')));
    await node.clock.settle();
    expect(late.state).toBe('SHUTTING_DOWN safe');
    expect(node.failure).toBeNull();
  });

  it('sends first what the step sent that told it', async () => {
    const node = await leadingReplica();
    await node.effects(
      { type: 'removed' },
      { type: 'send', to: N2, message: { type: 'timeoutNow', term: term(2) }, afterPersist: null },
    );
    expect(node.sentOf('raft').map(({ message }) => message.type)).toEqual(['timeoutNow']);
  });

  it('can be stopped', async () => {
    const node = await leadingReplica();
    await node.effects({ type: 'removed' });
    const stopped = node.replica.stop();
    await node.clock.settle();
    await stopped;
    expect(node.replica.status().phase).toBe('stopped');
  });
});
