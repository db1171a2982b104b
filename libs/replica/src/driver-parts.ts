import { assertNever, type NodeId, type Proposal } from '@latchkey/raft';
import { Applier } from './applier.js';
import { AppliedWaiters } from './applied-waiters.js';
import { ForwardedProposals } from './forwarded-proposals.js';
import { LeaderRequests } from './leader-requests.js';
import type { KnownLeader, LeaderView } from './leader-view.js';
import { LEADER_WAIT_ELECTION_TIMEOUTS, OTHER_PEER_ELECTION_TIMEOUTS } from './limits.js';
import { MembershipRequests } from './membership-requests.js';
import { OwnProposals } from './own-proposals.js';
import type { DriverCalls } from './driver-calls.js';
import { PeerRoster } from './peer-roster.js';
import type { Clock } from './ports/clock.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { ProposalIntake } from './proposal-intake.js';
import { ReadRounds } from './read-rounds.js';
import type { ReplicaOptions } from './replica-api.js';
import type { ReplicaError } from './replica-error.js';
import { StateHashes } from './state-hashes.js';
import { SnapshotTransfers } from './snapshot-transfers.js';
import { TransferRequests } from './transfer-requests.js';

/** Everything that outlives one run of the Raft core: what callers wait for, and what is applied. */
export type DriverParts<Outcome> = {
  readonly own: OwnProposals<Outcome>;
  readonly forwarded: ForwardedProposals;
  readonly intake: ProposalIntake<Outcome>;
  readonly applier: Applier<Outcome>;
  readonly appliedWaiters: AppliedWaiters;
  readonly reads: ReadRounds;
  readonly leaderRequests: LeaderRequests;
  readonly membership: MembershipRequests;
  readonly transfers: TransferRequests;
  readonly snapshots: SnapshotTransfers;
  readonly roster: PeerRoster;
  readonly stateHashes: StateHashes;
};

export function createDriverParts<Outcome>(
  options: ReplicaOptions<Outcome>,
  transport: DriverCalls,
): DriverParts<Outcome> {
  const { incarnation, observer } = options;
  const { nodeId, electionTimeoutMs, heartbeatIntervalMs } = options.raft;
  const leaderWaitMs = electionTimeoutMs * LEADER_WAIT_ELECTION_TIMEOUTS;
  const own = new OwnProposals<Outcome>({
    nodeId,
    incarnation,
    transport,
    clock: options.clock,
    maxUnrouted: options.maxQueuedInputs,
    maxPending: options.maxPendingProposals,
    timeoutMs: options.proposalTimeoutMs,
    leaderWaitMs,
    handoverWaitMs: electionTimeoutMs,
  });
  const forwarded = new ForwardedProposals(transport, options.maxQueuedInputs);
  const applier = new Applier({
    stateMachine: options.stateMachine,
    incarnation,
    initialMembership: options.raft.initialMembership,
    onOwnOutcome: (sequence, outcome) => own.resolve(sequence, outcome),
    stateHash: options.stateHash,
  });
  return {
    own,
    forwarded,
    intake: new ProposalIntake(own, forwarded),
    applier,
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
    membership: new MembershipRequests({ calls: transport, timeoutMs: options.proposalTimeoutMs }),
    transfers: new TransferRequests({
      nodeId,
      calls: transport,
      clock: options.clock,
      successorWaitMs: electionTimeoutMs,
    }),
    snapshots: new SnapshotTransfers({ ...options, appliedIndex: () => applier.appliedIndex }, transport),
    roster: new PeerRoster({
      nodeId,
      configured: options.configuredPeers,
      transport: options.transport,
      sender: transport,
      clock: options.clock,
      askIntervalMs: electionTimeoutMs,
      keepOthersMs: OTHER_PEER_ELECTION_TIMEOUTS * electionTimeoutMs,
    }),
    stateHashes: createStateHashes(options, applier, transport),
  };
}

function createStateHashes<Outcome>(
  { raft, identity, stateHash, clock, observer }: ReplicaOptions<Outcome>,
  applier: Applier<Outcome>,
  calls: DriverCalls,
): StateHashes {
  return new StateHashes({
    nodeId: raft.nodeId,
    isOn: stateHash !== undefined && (identity ?? null) !== null,
    sender: calls,
    clock,
    applier,
    observer,
    status: () => calls.runningStatus(),
    onDiverged: (why) => calls.loseHistory('diverged', why),
  });
}

/** When something a caller waits for is overdue, at the earliest. */
export function nextCallerDeadlineMs<Outcome>(parts: DriverParts<Outcome>): number {
  return Math.min(
    parts.own.nextDeadlineMs(),
    parts.reads.nextDeadlineMs(),
    parts.appliedWaiters.nextDeadlineMs(),
    parts.leaderRequests.nextDeadlineMs(),
    parts.membership.nextDeadlineMs(),
    parts.transfers.nextDeadlineMs(),
    parts.snapshots.nextDeadlineMs(),
    parts.roster.nextDeadlineMs(),
    parts.stateHashes.nextDeadlineMs(),
  );
}

export function expireCallers<Outcome>(parts: DriverParts<Outcome>, nowMs: number): void {
  parts.own.expire(nowMs);
  parts.reads.expire(nowMs);
  parts.appliedWaiters.expire(nowMs);
  parts.leaderRequests.expire(nowMs);
  parts.membership.expire(nowMs);
  parts.transfers.expire(nowMs);
  parts.snapshots.expire(nowMs);
  parts.roster.expire(nowMs);
  parts.stateHashes.expire(nowMs);
}

/** Settles every caller: what left this node is unknown, the rest fails with `unsent`. */
export function failCallers<Outcome>(parts: DriverParts<Outcome>, unsent: ReplicaError, reason: string): void {
  parts.own.failAll(unsent, reason);
  parts.forwarded.clear();
  parts.reads.failAll(unsent);
  parts.leaderRequests.failAll(unsent, reason);
  parts.membership.failAll(unsent, reason);
  parts.transfers.failAll(reason);
}

/** Calls to the checkpoint store that were begun for peers: the store must not be loaded again before they have ended. */
export function storeCallsUnderWay<Outcome>(parts: DriverParts<Outcome>): readonly Promise<unknown>[] {
  return [parts.snapshots.reset()];
}

/** The connection to a peer is open, or has closed. */
export function peerChanged<Outcome>(parts: DriverParts<Outcome>, peer: NodeId, isUp: boolean): void {
  if (isUp) {
    parts.snapshots.peerUp(peer);
    parts.stateHashes.peerUp();
    return;
  }
  parts.own.peerDown(peer);
  parts.leaderRequests.peerDown(peer);
  parts.snapshots.peerDown(peer);
}

/** Everything peers say that is not Raft itself. @param view null: this node takes no part at the moment */
export function takeOtherMessage<Outcome>(
  parts: DriverParts<Outcome>,
  view: LeaderView | null,
  from: NodeId,
  message: Exclude<PeerMessage, { readonly type: 'raft' }>,
): void {
  if (message.type === 'members') return parts.roster.told(message.membership);
  if (message.type === 'membersWanted') return parts.roster.answer(from);
  if (view === null || message.type === 'identity') return undefined;
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
    case 'stateHashWanted':
      return parts.stateHashes.wanted(from, message.index, view);
    case 'stateHash':
      return parts.stateHashes.told(from, message);
    case 'snapshotChunk':
      return parts.snapshots.takeChunk(from, message, view);
    case 'snapshotProgress':
      return parts.snapshots.takeProgress(from, message);
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
    return own.mustLeave || forwarded.hasGathered ? intake.take(leader, clock.wallTimeMs()) : [];
  }
  if (own.hasUnrouted) own.forwardTo(leader);
  return [];
}

/** Together they stay below 2^53: runs whose reads cannot be mistaken for each other, and reads that each can make. */
const INCARNATIONS_TOLD_APART = 2 ** 16;
const READS_OF_AN_INCARNATION = 2 ** 36;
