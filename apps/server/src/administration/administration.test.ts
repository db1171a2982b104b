import { logIndex, nodeId, type Membership, type MembershipChange, type NodeId } from '@latchkey/raft';
import { ReplicaError, type ReplicaStatus } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { WireError } from '../commands/wire-error.js';
import { AdministrationDesk } from './administration-desk.js';
import { Administration, PATIENCE_MS } from './administration.js';

const [N1, N2, N3, N4] = [nodeId('n1'), nodeId('n2'), nodeId('n3'), nodeId('n4')];
const URL_OF_N4 = 'http://127.0.0.1:7404';
const UNKNOWN = new ReplicaError('OUTCOME_UNKNOWN', 'onlyIfIdempotent', 'the leader changed');
const CHANGE_PENDING = new ReplicaError('MEMBERSHIP_REFUSED', 'safe', 'another change is under way');
const NOTHING_TO_CHANGE = new ReplicaError('MEMBERSHIP_REFUSED', 'never', 'there is nothing to change');

/** A node and its leader, n1, in one; what a change does to the membership is done by hand. */
function world() {
  const clock = new ManualClock();
  const cluster = {
    membership: { voters: [N1, N2, N3], votersOutgoing: [], learners: [] } as Membership,
    connected: [N2, N3] as readonly NodeId[],
    changes: [] as MembershipChange[],
    /** What the next changes end with, in order; then they succeed. */
    failures: [] as { readonly error: ReplicaError; readonly isDone: boolean }[],
    /** What the next answers of the desk are lost by. */
    lostAnswers: [] as ReplicaError[],
    leaderId: N1,
    transfers: [] as (NodeId | null)[],
  };
  const apply = (change: MembershipChange): void => {
    const { voters, learners } = cluster.membership;
    if (change.type === 'addLearner') {
      const addresses = change.address === null ? {} : { [change.node]: change.address };
      cluster.membership = { ...cluster.membership, learners: [...learners, change.node], addresses };
    } else if (change.type === 'remove') {
      cluster.membership = { ...cluster.membership, voters: voters.filter((node) => node !== change.node) };
    }
  };
  const replica = {
    // Only these parts are looked at.
    status: () =>
      ({
        nodeId: cluster.leaderId,
        role: 'leader',
        phase: 'running',
        leaderId: cluster.leaderId,
        membership: cluster.membership,
        connectedPeers: cluster.connected,
        commitIndex: logIndex(7),
        lastLogIndex: logIndex(8),
        progress: [{ peer: N2, matchIndex: logIndex(5) }],
      }) as unknown as ReplicaStatus,
    changeMembership: async (change: MembershipChange) => {
      cluster.changes.push(change);
      const failure = cluster.failures.shift();
      if (failure === undefined || failure.isDone) apply(change);
      if (failure !== undefined) throw failure.error;
      return cluster.membership;
    },
    transferLeadership: async (to: NodeId | null) => {
      cluster.transfers.push(to);
      cluster.leaderId = to ?? N2;
      return cluster.leaderId;
    },
  };
  const members = () => [
    ...cluster.membership.voters.map(
      (id) => ({ id, role: 'voter', peerUrl: `http://${id}:1`, connected: true }) as const,
    ),
    ...cluster.membership.learners.map(
      (id) => ({ id, role: 'learner', peerUrl: cluster.membership.addresses?.[id] ?? '', connected: false }) as const,
    ),
  ];
  const desk = new AdministrationDesk({ replica, members, canHavePeers: true });
  const administration = new Administration({
    askLeader: async (question) => {
      const answer = await desk.answer(question);
      const lost = cluster.lostAnswers.shift();
      if (lost !== undefined) throw lost;
      return answer;
    },
    status: replica.status,
    members,
    clock,
  });
  /** Lets time pass until it is settled. */
  const settled = async <Result>(result: Promise<Result>): Promise<Result | WireError> => {
    const outcome = result.catch((error: unknown) => {
      if (error instanceof WireError) return error;
      throw error;
    });
    await clock.advance(2 * PATIENCE_MS);
    return outcome;
  };
  return { cluster, administration, settled };
}

const idsOf = (result: unknown): unknown =>
  typeof result === 'object' && result !== null && 'members' in result && Array.isArray(result.members)
    ? result.members.map(({ id, role }: { id: string; role: string }) => `${id} ${role}`)
    : result;

describe('a change of the members', () => {
  it('is answered with the members after it, and with what the leader knows of each', async () => {
    const { administration, settled } = world();
    const result = await settled(administration.addMember(N4, URL_OF_N4));
    expect(idsOf(result)).toEqual(['n1 voter', 'n2 voter', 'n3 voter', 'n4 learner']);
    expect(result).toMatchObject({
      leaderId: 'n1',
      members: [{ matchIndex: 7 }, { matchIndex: 5 }, {}, { matchIndex: null }],
    });
  });

  it('waits a moment for one that is under way', async () => {
    const { cluster, administration, settled } = world();
    cluster.failures = [
      { error: CHANGE_PENDING, isDone: false },
      { error: CHANGE_PENDING, isDone: false },
    ];
    expect(idsOf(await settled(administration.removeMember(N3)))).toEqual(['n1 voter', 'n2 voter']);
  });

  it('that cannot be made for long says so, and that nothing was done', async () => {
    const { cluster, administration, settled } = world();
    cluster.failures = Array.from({ length: 1_000 }, () => ({ error: CHANGE_PENDING, isDone: false }));
    expect(await settled(administration.removeMember(N3))).toMatchObject({
      body: { code: 'UNAVAILABLE', retry: 'safe', message: CHANGE_PENDING.message },
    });
  });

  it('whose answer is lost is looked for at the next leader, and found done', async () => {
    const { cluster, administration, settled } = world();
    cluster.lostAnswers = [UNKNOWN];
    expect(idsOf(await settled(administration.removeMember(N3)))).toEqual(['n1 voter', 'n2 voter']);
  });

  it('that was made twice is a success', async () => {
    const { cluster, administration, settled } = world();
    await settled(administration.addMember(N4, URL_OF_N4));
    cluster.failures = [{ error: NOTHING_TO_CHANGE, isDone: false }];
    expect(idsOf(await settled(administration.addMember(N4, URL_OF_N4)))).toContain('n4 learner');
  });

  it.each([
    ['a node that is no member', 'NOT_FOUND', (it: Administration) => it.removeMember(N4)],
    ['a voter as a learner', 'INVALID_ARGUMENT', (it: Administration) => it.addMember(N2, URL_OF_N4)],
    ['the address of another', 'INVALID_ARGUMENT', (it: Administration) => it.addMember(N4, 'http://n2:1')],
  ])('by mistake (%s) is refused as %s without asking anybody', async (_mistake, code, ask) => {
    const { cluster, administration, settled } = world();
    expect(await settled(ask(administration))).toMatchObject({ body: { code } });
    expect(cluster.changes).toEqual([]);
  });

  it('that would leave too few voters connected is refused, and names them', async () => {
    const { cluster, administration, settled } = world();
    cluster.connected = [N2];
    const refused = await settled(administration.removeMember(N2));
    expect(refused).toMatchObject({ body: { code: 'UNAVAILABLE', message: expect.stringContaining('n3') } });
    expect(cluster.changes).toEqual([]);
    // The one that is away may go.
    expect(idsOf(await settled(administration.removeMember(N3)))).toEqual(['n1 voter', 'n2 voter']);
  });
});

describe('a transfer of leadership', () => {
  it('is not made twice when its answer is lost with the old leader', async () => {
    const { cluster, administration, settled } = world();
    cluster.lostAnswers = [UNKNOWN];
    expect(await settled(administration.transferLeadership(null))).toEqual({ leaderId: 'n2' });
    expect(cluster.transfers).toEqual([null]);
  });

  it('to a node without a vote is refused', async () => {
    const { administration, settled } = world();
    expect(await settled(administration.transferLeadership(N4))).toMatchObject({
      body: { code: 'INVALID_ARGUMENT', details: { field: 'to' } },
    });
  });
});
