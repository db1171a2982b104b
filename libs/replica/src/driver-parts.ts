import { assertNever, type NodeId, type Proposal } from '@latchkey/raft';
import { Applier } from './applier.js';
import { AppliedWaiters } from './applied-waiters.js';
import { ForwardedProposals } from './forwarded-proposals.js';
import { LeaderRequests } from './leader-requests.js';
import type { KnownLeader, LeaderView } from './leader-view.js';
import { LEADER_WAIT_ELECTION_TIMEOUTS } from './limits.js';
import { OwnProposals } from './own-proposals.js';
import type { PeerSender } from './peer-sender.js';
import type { Clock } from './ports/clock.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { ProposalIntake } from './proposal-intake.js';
import { ReadRounds } from './read-rounds.js';
import type { ReplicaOptions } from './replica-api.js';
import type { ReplicaError } from './replica-error.js';

/** Everything that outlives one run of the Raft core: what callers wait for, and what is applied. */
export type DriverParts<Outcome> = {
  readonly own: OwnProposals<Outcome>;
  readonly forwarded: ForwardedProposals;
  readonly intake: ProposalIntake<Outcome>;
  readonly applier: Applier<Outcome>;
  readonly appliedWaiters: AppliedWaiters;
  readonly reads: ReadRounds;
  readonly leaderRequests: LeaderRequests;
};

export function createDriverParts<Outcome>(
  options: ReplicaOptions<Outcome>,
  transport: PeerSender,
): DriverParts<Outcome> {
  const { incarnation, observer } = options;
  const { nodeId, electionTimeoutMs, heartbeatIntervalMs } = options.raft;
  const leaderWaitMs = electionTimeoutMs * LEADER_WAIT_ELECTION_TIMEOUTS;
  const own = new OwnProposals<Outcome>({
    nodeId,
    incarnation,
    transport,
    maxUnrouted: options.maxQueuedInputs,
    maxPending: options.maxPendingProposals,
    timeoutMs: options.proposalTimeoutMs,
    leaderWaitMs,
  });
  const forwarded = new ForwardedProposals(transport, options.maxQueuedInputs);
  return {
    own,
    forwarded,
    intake: new ProposalIntake(own, forwarded),
    applier: new Applier({
      stateMachine: options.stateMachine,
      incarnation,
      onOwnOutcome: (sequence, outcome) => own.resolve(sequence, outcome),
    }),
    appliedWaiters: new AppliedWaiters(),
    reads: new ReadRounds({
      retryDelayMs: heartbeatIntervalMs,
      maxWaiting: options.maxQueuedInputs,
      firstReadId: (incarnation % INCARNATIONS_TOLD_APART) * READS_OF_AN_INCARNATION + 1,
    }),
    leaderRequests: new LeaderRequests({
      transport,
      incarnation,
      nodeId,
      leaderWaitMs,
      timeoutMs: options.readTimeoutMs,
      serve: options.onLeaderRequest,
      onServeFailed: (from, error) =>
        observer.warning?.('a question to the leader was refused: its handler failed', { from, error: String(error) }),
    }),
  };
}

/** When something a caller waits for is overdue, at the earliest. */
export function nextCallerDeadlineMs<Outcome>(parts: DriverParts<Outcome>): number {
  return Math.min(
    parts.own.nextDeadlineMs(),
    parts.reads.nextDeadlineMs(),
    parts.appliedWaiters.nextDeadlineMs(),
    parts.leaderRequests.nextDeadlineMs(),
  );
}

export function expireCallers<Outcome>(parts: DriverParts<Outcome>, nowMs: number): void {
  parts.own.expire(nowMs);
  parts.reads.expire(nowMs);
  parts.appliedWaiters.expire(nowMs);
  parts.leaderRequests.expire(nowMs);
}

/** Settles every caller: what left this node is unknown, the rest fails with `unsent`. */
export function failCallers<Outcome>(parts: DriverParts<Outcome>, unsent: ReplicaError, reason: string): void {
  parts.own.failAll(unsent, reason);
  parts.forwarded.clear();
  parts.reads.failAll(unsent);
  parts.leaderRequests.failAll(unsent, reason);
}

/** Everything peers say that is not Raft itself. */
export function takeApplicationMessage<Outcome>(
  parts: DriverParts<Outcome>,
  view: LeaderView,
  from: NodeId,
  message: Exclude<PeerMessage, { readonly type: 'raft' }>,
): void {
  switch (message.type) {
    case 'forwardProposals':
      return parts.forwarded.receive(from, message.proposals, view);
    case 'proposalsRefused':
      return parts.own.refusedBy(from, message.sequences, message.reason);
    case 'leaderRequest':
      return parts.leaderRequests.serve(from, message.requestId, message.body, view);
    case 'leaderResponse':
      return parts.leaderRequests.answered(from, message.requestId, message.body);
    case 'leaderRequestRefused':
      return parts.leaderRequests.refused(from, message.requestId);
    default:
      return assertNever(message);
  }
}

/** Sends what waits to a leader elsewhere, or gives what this leader shall append now. */
export function routeToLeader<Outcome>(
  parts: DriverParts<Outcome>,
  leader: KnownLeader | null,
  clock: Clock,
): readonly Proposal[] {
  const { own, forwarded, intake, leaderRequests } = parts;
  if (leader === null) return [];
  if (leaderRequests.hasUnsent) leaderRequests.sendTo(leader.leaderId);
  if (leader.role === 'leader') {
    return own.hasUnrouted || forwarded.hasGathered ? intake.take(leader, clock.wallTimeMs()) : [];
  }
  if (own.hasUnrouted) own.forwardTo(leader);
  return [];
}

/** Together they stay below 2^53: runs whose reads cannot be mistaken for each other, and reads that each can make. */
const INCARNATIONS_TOLD_APART = 2 ** 16;
const READS_OF_AN_INCARNATION = 2 ** 36;
