import {
  proposalId,
  type LogIndex,
  type Membership,
  type MembershipChange,
  type MembershipRefusal,
  type ProposalId,
  type Term,
} from '@latchkey/raft';
import type { DriverCalls } from './driver-calls.js';
import type { LeaderView } from './leader-view.js';
import { MAX_MEMBERSHIP_REQUESTS } from './limits.js';
import { outcomeUnknown, overloaded } from './pending-proposals.js';
import { ReplicaError, type RetryClass } from './replica-error.js';
import { notLeader } from './transfer-requests.js';

export type MembershipRequestsOptions = {
  readonly calls: DriverCalls;
  readonly timeoutMs: number;
};

type Waiting = {
  readonly deadlineMs: number;
  /** Where the change stands in the log; null before the core has answered. */
  appended: { readonly index: LogIndex; readonly term: Term } | null;
  readonly resolve: (membership: Membership) => void;
  readonly reject: (error: ReplicaError) => void;
};

type Refusal = { readonly text: string; readonly retry: RetryClass };

const REFUSALS: Readonly<Record<Exclude<MembershipRefusal, 'notLeader'>, Refusal>> = {
  changePending: { text: 'another change is under way, or this leader was elected only now', retry: 'safe' },
  transferring: { text: 'leadership is being handed over', retry: 'safe' },
  notCaughtUp: { text: 'the node is too far behind to be given a vote', retry: 'safe' },
  alreadyMember: { text: 'there is nothing to change', retry: 'never' },
  notMember: { text: 'the node is no member of the cluster', retry: 'never' },
  notLearner: { text: 'only a learner can be given a vote; add the node as a learner first', retry: 'never' },
  notVoter: { text: 'the node has no vote', retry: 'never' },
  tooManyMembers: { text: 'the cluster has as many members as it may have', retry: 'never' },
  noVoterLeft: { text: 'nobody would be left to vote', retry: 'never' },
};

/** The call `changeMembership`: from the question to the core until the change is committed and no longer joint. */
export class MembershipRequests {
  private readonly waiting = new Map<ProposalId, Waiting>();
  private lastId = 0;
  private leadership: LeaderView | null = null;
  private isAnyLost = false;

  constructor(private readonly options: MembershipRequestsOptions) {}

  /** @throws ReplicaError (as a rejection) NOT_LEADER, MEMBERSHIP_REFUSED, OVERLOADED, OUTCOME_UNKNOWN */
  request(change: MembershipChange, view: LeaderView | null, nowMs: number): Promise<Membership> {
    if (view?.role !== 'leader') return Promise.reject(notLeader());
    if (this.waiting.size >= MAX_MEMBERSHIP_REQUESTS) return Promise.reject(overloaded());
    this.lastId += 1;
    const id = proposalId(this.lastId);
    return new Promise((resolve, reject) => {
      const deadlineMs = nowMs + this.options.timeoutMs;
      this.waiting.set(id, { deadlineMs, appended: null, resolve, reject });
      this.options.calls.give({ type: 'changeMembership', proposalId: id, change });
    });
  }

  appended(id: ProposalId, index: LogIndex, term: Term): void {
    const request = this.waiting.get(id);
    if (request !== undefined) request.appended = { index, term };
  }

  refused(id: ProposalId, reason: MembershipRefusal): void {
    if (reason === 'notLeader') this.fail(id, notLeader());
    else this.fail(id, membershipRefused(REFUSALS[reason]));
  }

  /** A later one is enough: only one change is under way at a time, so it came after this one was done. */
  committed(index: LogIndex, membership: Membership): void {
    if (membership.votersOutgoing.length > 0) return;
    for (const [id, request] of this.waiting) {
      if (request.appended === null || request.appended.index > index) continue;
      this.waiting.delete(id);
      request.resolve(membership);
    }
  }

  /** Decided at the end of the turn: a leader that removes itself steps down in the step that commits the change. */
  leaderChanged(view: LeaderView): void {
    this.leadership = view;
    this.isAnyLost = this.waiting.size > 0;
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity;
    for (const request of this.waiting.values()) deadlineMs = Math.min(deadlineMs, request.deadlineMs);
    return deadlineMs;
  }

  expire(nowMs: number): void {
    if (this.isAnyLost) this.failLost();
    for (const [id, { deadlineMs }] of this.waiting) {
      if (nowMs >= deadlineMs) this.fail(id, outcomeUnknown(`not committed within ${this.options.timeoutMs} ms`));
    }
  }

  /** Changes that the core may have appended are unknown, the others fail with `unsent`. */
  failAll(unsent: ReplicaError, reason: string): void {
    for (const [id, { appended }] of this.waiting) {
      this.fail(id, appended === null ? unsent : outcomeUnknown(reason));
    }
  }

  private failLost(): void {
    this.isAnyLost = false;
    const { leadership } = this;
    for (const [id, { appended }] of this.waiting) {
      // What the core has not seen it will refuse when it does.
      if (appended === null) continue;
      const isLeading = leadership?.role === 'leader' && leadership.term === appended.term;
      if (!isLeading) this.fail(id, outcomeUnknown('leadership was lost'));
    }
  }

  private fail(id: ProposalId, error: ReplicaError): void {
    const request = this.waiting.get(id);
    if (request === undefined) return;
    this.waiting.delete(id);
    request.reject(error);
  }
}

function membershipRefused({ text, retry }: Refusal): ReplicaError {
  return new ReplicaError('MEMBERSHIP_REFUSED', retry, `the membership stays as it is: ${text}`);
}
