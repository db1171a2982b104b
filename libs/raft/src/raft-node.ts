import { sendHeartbeats } from './append-sender.js';
import { advanceLeaderCommit, announceCommit, handOutCommitted } from './commit.js';
import { handleCheckpointed } from './compaction.js';
import { diskStallDeadlineMs, giveWayIfDiskStalled } from './disk-stall.js';
import { countOwnVoteIfDurable, handleElectionTimeout } from './election.js';
import { resetElectionTimer } from './election-timer.js';
import type { Effect } from './effects.js';
import type { LogIndex, PersistId } from './ids.js';
import type { Input } from './inputs.js';
import { assertNever } from './invariant.js';
import { expireTransfer, handleTransferLeadership } from './leadership-transfer.js';
import { handleChangeMembership, settleMembership } from './membership-change.js';
import { handleMessage } from './message-dispatch.js';
import { handlePeerDown, handlePeerUp } from './peer-connection.js';
import { handlePropose } from './proposals.js';
import { isVoter, otherVoters } from './quorum.js';
import { checkQuorum } from './quorum-check.js';
import type { RaftConfig } from './raft-config.js';
import { createRaftState, type DurableRaftState, type RaftState } from './raft-state.js';
import type { RaftStatus } from './raft-status.js';
import { askedReadsDeadlineMs, expireAskedReads, handleRead } from './reads.js';
import { handlePeerStoreReplaced } from './peer-store.js';
import { handleSnapshotReceived } from './snapshot-install.js';
import { handleSnapshotTransferEnded } from './snapshot-sending.js';
import { statusOf } from './status.js';

/**
 * One member of a Raft cluster, without clock, disk or network: `step` takes what happened and gives what to do.
 *
 * @example
 * const node = new RaftNode(config, { hardState, base, entries, snapshot }, clock.nowMs());
 * for (const effect of node.step({ type: 'tick' }, clock.nowMs())) run(effect);
 */
export class RaftNode {
  private readonly state: RaftState;

  /**
   * Starts as a follower that knows no leader (Raft §5.2).
   * @param durable everything that was persisted before
   * @throws InvariantViolation when `durable` contradicts itself
   */
  constructor(config: RaftConfig, durable: DurableRaftState, nowMs: number) {
    this.state = createRaftState(config, durable, nowMs);
    resetElectionTimer(this.state);
    const { membership } = this.state.log;
    const isAlone = isVoter(membership, config.nodeId) && otherVoters(membership, config.nodeId).length === 0;
    // There is nobody whose leadership an election could disturb.
    if (isAlone) this.state.electionDeadlineMs = nowMs;
  }

  /**
   * Handles one input and gives its effects, to be run in order. The step's single write (`persist` or
   * `installSnapshot`), if any, comes first, then a `roleChanged`, then the rest.
   * @param nowMs monotonic; an earlier time than in the last step counts as that one
   * @throws InvariantViolation for a bug here, in the driver, or in a peer: the node must stop
   */
  step(input: Input, nowMs: number): Effect[] {
    const { state } = this;
    const { role, currentTerm, leaderId } = state;
    if (nowMs > state.nowMs) state.nowMs = nowMs;
    this.handle(input);
    const effects = state.output.take();
    if (state.role !== role || state.currentTerm !== currentTerm || state.leaderId !== leaderId) {
      effects.unshift({ type: 'roleChanged', role: state.role, term: state.currentTerm, leaderId: state.leaderId });
    }
    const write = state.durability.takeWrite(state, state.log, state.nowMs);
    if (write !== null) effects.unshift(write);
    return effects;
  }

  /** When a `tick` is due, by the clock of `step`; it may be in the past. Infinity when nothing waits for time. */
  nextDeadlineMs(): number {
    const { leader, electionDeadlineMs } = this.state;
    if (leader !== null) {
      const { heartbeatDueMs, quorumCheckDueMs, transfer } = leader;
      const stallDueMs = diskStallDeadlineMs(this.state);
      return Math.min(heartbeatDueMs, quorumCheckDueMs, stallDueMs, transfer?.deadlineMs ?? Infinity);
    }
    return Math.min(electionDeadlineMs, askedReadsDeadlineMs(this.state));
  }

  status(): RaftStatus {
    return statusOf(this.state);
  }

  private handle(input: Input): void {
    const { state } = this;
    if (state.isRemoved && isIgnoredWhenRemoved(input)) return undefined;
    switch (input.type) {
      case 'tick':
        return this.tick();
      case 'message':
        return handleMessage(state, input.from, input.message);
      case 'propose':
        return handlePropose(state, input.proposals);
      case 'persisted':
        return this.persisted(input.persistId);
      case 'applied':
        return this.applied(input.index);
      case 'read':
        return handleRead(state, input.readId);
      case 'commitNoticesWanted':
        state.wantsCommitNotices = input.wanted;
        return undefined;
      case 'peerDown':
        return handlePeerDown(state, input.peer);
      case 'peerUp':
        return handlePeerUp(state, input.peer);
      case 'checkpointed':
        return handleCheckpointed(state, input);
      case 'snapshotReceived':
        return handleSnapshotReceived(state, input);
      case 'peerStoreReplaced':
        return handlePeerStoreReplaced(state, input.peer);
      case 'snapshotTransferEnded':
        return handleSnapshotTransferEnded(state, input);
      case 'changeMembership':
        return handleChangeMembership(state, input);
      case 'transferLeadership':
        return handleTransferLeadership(state, input.to);
      default:
        return assertNever(input);
    }
  }

  private tick(): void {
    const { state } = this;
    if (state.leader !== null) checkQuorum(state, state.leader);
    if (state.leader !== null) giveWayIfDiskStalled(state);
    if (state.leader !== null) expireTransfer(state, state.leader);
    if (state.leader !== null) {
      sendHeartbeats(state, state.leader);
      return;
    }
    expireAskedReads(state);
    if (state.nowMs >= state.electionDeadlineMs) handleElectionTimeout(state);
  }

  private persisted(persistId: PersistId): void {
    const { state } = this;
    state.durability.completed(persistId);
    handOutCommitted(state);
    countOwnVoteIfDurable(state);
    const { leader } = state;
    if (leader === null || !advanceLeaderCommit(state, leader)) return;
    announceCommit(state, leader);
    settleMembership(state, leader);
  }

  private applied(index: LogIndex): void {
    if (index > this.state.lastApplied) this.state.lastApplied = index;
  }
}

/** A removed node answers its own callers and nobody else (FAILURE-MODES 15). */
function isIgnoredWhenRemoved({ type }: Input): boolean {
  return type === 'tick' || type === 'message' || type === 'snapshotReceived';
}
