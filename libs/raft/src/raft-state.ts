import { Durability } from './durability.js';
import type { Role } from './effects.js';
import type { HardState } from './hard-state.js';
import type { LogIndex, NodeId, ReadId, Term } from './ids.js';
import { invariant } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { Progress } from './progress.js';
import type { RaftConfig } from './raft-config.js';
import { RaftLog } from './raft-log.js';
import { seededRandom, type RandomSource } from './random-source.js';
import type { LogPosition, SnapshotMeta } from './snapshot-meta.js';
import { StepOutput } from './step-output.js';

/** What a node starts from: its hard state and its whole log, as they are on disk. */
export type DurableRaftState = {
  readonly hardState: HardState;
  /** The last entry that the log no longer holds; (0, 0) when it was never compacted. */
  readonly base: LogPosition;
  /** From `base.index` + 1 on. */
  readonly entries: readonly LogEntry[];
  /** The durable checkpoint that the driver has already restored: nothing up to there is applied again. */
  readonly snapshot: SnapshotMeta | null;
  /** A log that ends before this index is of a time that is over, so that the node does not campaign on it; absent: 0. */
  readonly joinedIndex?: LogIndex;
};

/** All that one Raft node knows, in the grouping of the paper's Figure 2. Changed only by the functions of this lib. */
export type RaftState = {
  readonly config: RaftConfig;

  // Persistent state on all servers; answers that rest on it wait until it is durable.
  currentTerm: Term;
  votedFor: NodeId | null;
  readonly log: RaftLog;

  // Volatile state on all servers.
  commitIndex: LogIndex;
  /** The greatest index that is known to be committed, told by a leader since the start or known before, also where this log is shorter. */
  heardCommitIndex: LogIndex;
  /** Reported by the driver; `handedOutIndex` is what was given to it. */
  lastApplied: LogIndex;
  handedOutIndex: LogIndex;
  /** The latest durable checkpoint: never compact past it. */
  snapshot: SnapshotMeta | null;
  role: Role;
  leaderId: NodeId | null;

  /** Told to be no member of the cluster any more: takes part in nothing until the driver stops it. */
  isRemoved: boolean;

  /** Volatile state on candidates and pre-candidates: who granted a vote in this very election (FAILURE-MODES 4, 5). */
  readonly votesGranted: Set<NodeId>;

  /** Volatile state on leaders, reinitialised after election; null on all others. */
  leader: LeaderState | null;

  /** Told to the leader with each answer; see the input `commitNoticesWanted`. */
  wantsCommitNotices: boolean;

  /** Reads of this node that wait for the leader's answer, with the time at which they fail. Oldest first. */
  readonly askedReads: Map<ReadId, number>;

  // Time, as of the step under way.
  nowMs: number;
  electionDeadlineMs: number;
  /** When an append of the current leader last came; means nothing without a leader. */
  leaderHeardAtMs: number;
  /** Elections that may still follow quickly on each other, because the leader's connection closed. */
  hurriedElectionsLeft: number;
  /** A leader whose disk stalls stays in office until then (FAILURE-MODES 30: not too often). */
  mayGiveWayFromMs: number;

  readonly random: RandomSource;
  readonly durability: Durability;
  readonly output: StepOutput;
};

export type LeaderState = {
  /**
   * nextIndex[] and matchIndex[], and how to send. Peers join when the entry that names them is appended, and leave when
   * the one that no longer does is committed.
   */
  readonly progress: Map<NodeId, Progress>;
  /** Nothing is left to do about the latest membership: it is committed, not joint, and whoever left was told. */
  isMembershipSettled: boolean;
  /** This leader's no-op. Once it is committed, so is everything before (Raft §5.4.2), and reads may be answered. */
  readonly firstIndexOfTerm: LogIndex;
  /** Grows with each round; every append carries it and every answer echoes it. */
  confirmRound: number;
  /** Waiting for the next round. */
  waitingReads: Reader[];
  readRound: ReadRound | null;
  /** Leadership on its way to another; proposals are refused meanwhile. */
  transfer: LeadershipTransfer | null;
  /** No heartbeat is due before. */
  heartbeatDueMs: number;
  /** When it must be looked at again whether a majority answers. */
  quorumCheckDueMs: number;
};

/** Dies with the leadership, or at its deadline (Raft thesis §3.10, FAILURE-MODES 14). */
export type LeadershipTransfer = { readonly to: NodeId; readonly deadlineMs: number };

/** Who wants a read index: a reader of this node (`from` null) or of a follower. */
export type Reader = { readonly readId: ReadId; readonly from: NodeId | null };

export type ReadRound = { readonly round: number; readonly readIndex: LogIndex; readonly readers: readonly Reader[] };

/** A follower that knows no leader. @throws InvariantViolation when the durable state contradicts itself */
export function createRaftState(config: RaftConfig, durable: DurableRaftState, nowMs: number): RaftState {
  const { base, snapshot, joinedIndex = base.index } = durable;
  const log = new RaftLog(base, snapshot?.membership ?? config.initialMembership, durable.entries);
  const appliedIndex = snapshot?.index ?? base.index;
  invariant(base.index <= (snapshot?.index ?? 0), 'the log was compacted beyond the checkpoint');
  invariant(appliedIndex <= log.lastIndex, 'the checkpoint is beyond the end of the log');
  const { currentTerm, votedFor } = durable.hardState;
  invariant(currentTerm >= log.lastTerm, 'the log holds entries of a term that the node has never seen');
  return {
    config,
    currentTerm,
    votedFor,
    log,
    // What was committed is not known after a restart; the leader will say. Committed entries are handed out again.
    commitIndex: appliedIndex,
    heardCommitIndex: joinedIndex > appliedIndex ? joinedIndex : appliedIndex,
    lastApplied: appliedIndex,
    handedOutIndex: appliedIndex,
    snapshot,
    role: 'follower',
    leaderId: null,
    isRemoved: false,
    votesGranted: new Set(),
    leader: null,
    wantsCommitNotices: true,
    askedReads: new Map(),
    nowMs,
    electionDeadlineMs: Infinity,
    leaderHeardAtMs: -Infinity,
    hurriedElectionsLeft: 0,
    mayGiveWayFromMs: -Infinity,
    random: seededRandom(config.seed, config.nodeId),
    durability: new Durability(log.lastIndex),
    output: new StepOutput(),
  };
}
