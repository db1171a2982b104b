import type { Member, MembersResult, TransferResult } from '@latchkey/contracts';
import type { Membership, MembershipChange, NodeId } from '@latchkey/raft';
import { ReplicaError, type Replica, type ReplicaStatus } from '@latchkey/replica';
import { errorBodyOfReplica, wireError } from '../commands/wire-error.js';
import {
  decodeQuestion,
  encodeAnswer,
  type AdministrationAnswer,
  type AdministrationQuestion,
  type ChangeQuestion,
  type TransferQuestion,
} from './questions.js';

export type AdministrationDeskParts = {
  readonly replica: Pick<Replica<unknown>, 'status' | 'changeMembership' | 'transferLeadership'>;
  /** As this node knows them, with their addresses. */
  readonly members: () => readonly Member[];
  /** Whether this node can reach others at all: it has a peer secret. */
  readonly canHavePeers: boolean;
};

/** Carries out, at the leader, what operators ask at any node. */
export class AdministrationDesk {
  constructor(private readonly parts: AdministrationDeskParts) {}

  /** @throws ReplicaError (as a rejection) when this node does not lead: then nothing was done */
  async answer(question: Uint8Array): Promise<Uint8Array> {
    return encodeAnswer(await this.answerTo(decodeQuestion(question)));
  }

  private async answerTo(question: AdministrationQuestion): Promise<AdministrationAnswer> {
    if (this.parts.replica.status().role !== 'leader') throw notLeading();
    try {
      switch (question.type) {
        case 'members':
          break;
        case 'transfer':
          return { transferred: await this.transfer(question) };
        default:
          await this.change(question);
      }
      return { members: this.membersAsLeader() };
    } catch (error) {
      if (error instanceof ReplicaError && error.code === 'NOT_LEADER') throw error;
      const body = errorBodyOfReplica(error);
      if (body === null) throw error;
      return { error: body };
    }
  }

  private async change(question: ChangeQuestion): Promise<void> {
    this.refuseMistakes(question);
    this.refuseWithoutMajority(question);
    try {
      await this.parts.replica.changeMembership(changeOf(question));
    } catch (error) {
      // The core looks first whether a change is under way: what it finds done already is committed.
      const isFinal = error instanceof ReplicaError && error.code === 'MEMBERSHIP_REFUSED' && error.retry === 'never';
      if (!isFinal || !this.isAsWanted(question)) throw error;
    }
  }

  /** What the operator cannot have meant, in words that name it. @throws WireError */
  private refuseMistakes(question: ChangeQuestion): void {
    const { node, type } = question;
    const members = this.parts.members();
    const known = members.find(({ id }) => id === node);
    if (type !== 'addLearner') {
      if (known === undefined && !question.isRepeat)
        throw wireError('NOT_FOUND', `${node} is no member of the cluster`, { field: 'id' });
      return;
    }
    if (!this.parts.canHavePeers)
      throw wireError(
        'INVALID_ARGUMENT',
        'this cluster of one was started without LATCHKEY_PEER_SECRET: it stays alone',
      );
    if (known !== undefined && (known.role === 'voter' || known.peerUrl !== question.peerUrl))
      throw wireError('INVALID_ARGUMENT', `id: ${node} is a ${known.role} already, at ${known.peerUrl}`, {
        field: 'id',
      });
    const sameUrl = members.find(({ id, peerUrl }) => id !== node && peerUrl === question.peerUrl);
    if (sameUrl !== undefined)
      throw wireError('INVALID_ARGUMENT', `peerUrl: that is where ${sameUrl.id} is reached`, { field: 'peerUrl' });
  }

  /** A change must not be what takes the cluster its majority: it could never be completed, nor taken back. @throws WireError */
  private refuseWithoutMajority({ type, node }: ChangeQuestion): void {
    if (type === 'addLearner') return;
    const { membership, connectedPeers, nodeId } = this.parts.replica.status();
    const others = membership.voters.filter((voter) => voter !== node);
    const voters = type === 'promote' ? [...others, node] : others;
    const present = new Set<NodeId>([...connectedPeers, nodeId]);
    const missing = voters.filter((voter) => !present.has(voter));
    if (voters.length === 0 || voters.length - missing.length > voters.length / 2) return;
    throw wireError(
      'UNAVAILABLE',
      `that would leave the cluster without a majority: of ${voters.join(', ')}, not connected: ${missing.join(', ')}`,
    );
  }

  private isAsWanted(question: ChangeQuestion): boolean {
    const { membership } = this.parts.replica.status();
    switch (question.type) {
      case 'addLearner':
        return membership.learners.includes(question.node);
      case 'promote':
        return membership.voters.includes(question.node);
      case 'remove':
        return !isMember(membership, question.node);
    }
  }

  private async transfer({ to, leaderBefore, isRepeat }: TransferQuestion): Promise<TransferResult> {
    const { nodeId, membership } = this.parts.replica.status();
    const isDone = isRepeat && to === null && leaderBefore !== null && leaderBefore !== nodeId;
    if (to === nodeId || isDone) return { leaderId: nodeId };
    if (membership.voters.length === 1)
      throw wireError('INVALID_ARGUMENT', `there is no other voter than ${nodeId}`, { field: 'to' });
    if (to !== null && !membership.voters.includes(to))
      throw wireError('INVALID_ARGUMENT', `to: ${to} has no vote in this cluster`, { field: 'to' });
    return { leaderId: await this.parts.replica.transferLeadership(to) };
  }

  private membersAsLeader(): MembersResult {
    const status = this.parts.replica.status();
    return {
      leaderId: status.leaderId,
      lastLogIndex: status.lastLogIndex,
      members: this.parts.members().map((member) => ({ ...member, matchIndex: matchIndexOf(status, member.id) })),
    };
  }
}

function changeOf(question: ChangeQuestion): MembershipChange {
  const { type, node } = question;
  return type === 'addLearner' ? { type, node, address: question.peerUrl } : { type, node };
}

function isMember({ voters, votersOutgoing, learners }: Membership, node: NodeId): boolean {
  return [voters, votersOutgoing, learners].some((nodes) => nodes.includes(node));
}

/** Of its own disk a leader knows at least what is committed. */
function matchIndexOf({ nodeId, commitIndex, progress }: ReplicaStatus, id: string): number | null {
  if (id === nodeId) return commitIndex;
  return progress.find(({ peer }) => peer === id)?.matchIndex ?? null;
}

const notLeading = (): ReplicaError =>
  new ReplicaError('NOT_LEADER', 'safe', 'this node does not lead; nothing was done');
