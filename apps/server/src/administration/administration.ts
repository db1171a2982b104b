import { errorBody, type ErrorBody, type Member, type MembersResult, type TransferResult } from '@latchkey/contracts';
import type { NodeId } from '@latchkey/raft';
import { ReplicaError, type Clock, type ReplicaStatus } from '@latchkey/replica';
import { errorBodyOfReplica, WireError, wireError } from '../commands/wire-error.js';
import {
  decodeAnswer,
  encodeQuestion,
  type AdministrationAnswer,
  type ChangeQuestion,
  type TransferQuestion,
} from './questions.js';

export type AdministrationParts = {
  /** @throws ReplicaError */
  readonly askLeader: (question: Uint8Array) => Promise<Uint8Array>;
  readonly status: () => ReplicaStatus;
  /** As this node knows them. */
  readonly members: () => readonly Member[];
  readonly clock: Pick<Clock, 'nowMs' | 'setTimer'>;
};

type Repeatable = ChangeQuestion | TransferQuestion;

/** For another change, an election or a learner that is nearly there, an operator's request waits this long in all. */
export const PATIENCE_MS = 5_000;
const RETRY_DELAY_MS = 50;

/**
 * What operators do to the cluster, from any of its nodes: the leader is asked, again if another one leads meanwhile. To
 * repeat it does no harm: each says what shall be, not what to add to it.
 */
export class Administration {
  constructor(private readonly parts: AdministrationParts) {}

  /** By the leader; without one, what this node knows by itself. @throws WireError */
  async members(): Promise<MembersResult> {
    try {
      return membersOf(decodeAnswer(await this.parts.askLeader(encodeQuestion({ type: 'members' }))));
    } catch (error) {
      if (error instanceof ReplicaError) return this.membersHere();
      throw error;
    }
  }

  /** As a learner. @throws WireError */
  async addMember(node: NodeId, peerUrl: string): Promise<MembersResult> {
    return this.change({ type: 'addLearner', node, peerUrl, isRepeat: false });
  }

  /** Gives a learner its vote. @throws WireError */
  async promoteMember(node: NodeId): Promise<MembersResult> {
    return this.change({ type: 'promote', node, isRepeat: false });
  }

  /** @throws WireError */
  async removeMember(node: NodeId): Promise<MembersResult> {
    return this.change({ type: 'remove', node, isRepeat: false });
  }

  /** @param to null for the voter that is furthest. @throws WireError */
  async transferLeadership(to: NodeId | null): Promise<TransferResult> {
    const { leaderId } = this.parts.status();
    const answer = await this.askUntilKnown({ type: 'transfer', to, leaderBefore: leaderId, isRepeat: false });
    if ('transferred' in answer) return answer.transferred;
    throw unexpected(answer);
  }

  private async change(question: ChangeQuestion): Promise<MembersResult> {
    try {
      return membersOf(await this.askUntilKnown(question));
    } catch (error) {
      // The last thing that a node learns which is removed by its own operator.
      const hasLeft = question.type === 'remove' && this.parts.status().phase === 'removed';
      if (hasLeft && question.node === this.parts.status().nodeId) return this.membersHere();
      throw error;
    }
  }

  /** @throws WireError for a refusal that waiting does not change, or when patience has run out */
  private async askUntilKnown(question: Repeatable): Promise<AdministrationAnswer> {
    const { clock } = this.parts;
    const deadlineMs = clock.nowMs() + PATIENCE_MS;
    let asked: Repeatable = question;
    for (;;) {
      const answer = await this.ask(asked);
      if (!('error' in answer)) return answer;
      if (answer.error.retry === 'onlyIfIdempotent') asked = { ...asked, isRepeat: true };
      if (answer.error.retry === 'never' || clock.nowMs() + RETRY_DELAY_MS >= deadlineMs)
        throw new WireError(asked.isRepeat ? perhapsDone(answer.error) : answer.error);
      await new Promise<void>((resolve) => clock.setTimer(RETRY_DELAY_MS, resolve));
    }
  }

  private async ask(question: Repeatable): Promise<AdministrationAnswer> {
    try {
      return decodeAnswer(await this.parts.askLeader(encodeQuestion(question)));
    } catch (error) {
      const body = errorBodyOfReplica(error);
      if (body === null) throw error;
      // A node that is stopping will not find another leader.
      const isStopping = error instanceof ReplicaError && error.code === 'SHUTTING_DOWN';
      if (isStopping) throw new WireError(question.isRepeat ? perhapsDone(body) : body);
      return { error: body };
    }
  }

  private membersHere(): MembersResult {
    const { lastLogIndex } = this.parts.status();
    const members = this.parts.members().map((member) => ({ ...member, matchIndex: null }));
    return { leaderId: null, lastLogIndex, members };
  }
}

function membersOf(answer: AdministrationAnswer): MembersResult {
  if ('members' in answer) return answer.members;
  throw unexpected(answer);
}

const unexpected = (answer: AdministrationAnswer): WireError =>
  'error' in answer ? new WireError(answer.error) : wireError('INTERNAL', 'the leader answered another question');

/** An earlier attempt may have done it: that must not sound as if nothing was done. */
const perhapsDone = (error: ErrorBody): ErrorBody =>
  error.retry === 'safe' ? errorBody('OUTCOME_UNKNOWN', `it may or may not have been done: ${error.message}`) : error;
