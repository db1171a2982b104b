import { Durability } from './durability.js';
import type { Role } from './effects.js';
import type { HardState } from './hard-state.js';
import { logIndex, term, type LogIndex, type NodeId, type ReadId, type Term } from './ids.js';
import { invariant } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { Progress } from './progress.js';
import type { RaftConfig } from './raft-config.js';
import { RaftLog } from './raft-log.js';
import { seededRandom, type RandomSource } from './random-source.js';
import { StepOutput } from './step-output.js';

/** What a node starts from: its hard state and its whole log, as they are on disk. */
export type DurableRaftState = { readonly hardState: HardState; readonly entries: readonly LogEntry[] };

/** All that one Raft node knows, in the grouping of the paper's Figure 2. Changed only by the functions of this lib. */
export type RaftState = {
  readonly config: RaftConfig;

  // Persistent state on all servers; answers that rest on it wait until it is durable.
  currentTerm: Term;
  votedFor: NodeId | null;
  readonly log: RaftLog;

  // Volatile state on all servers.
  commitIndex: LogIndex;
  /** Reported by the driver; `handedOutIndex` is what was given to it. */
  lastApplied: LogIndex;
  handedOutIndex: LogIndex;
  role: Role;
  leaderId: NodeId | null;

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

  readonly random: RandomSource;
  readonly durability: Durability;
  readonly output: StepOutput;
};

export type LeaderState = {
  /** nextIndex[] and matchIndex[], and how to send. */
  readonly progress: ReadonlyMap<NodeId, Progress>;
  /** This leader's no-op. Once it is committed, so is everything before (Raft §5.4.2), and reads may be answered. */
  readonly firstIndexOfTerm: LogIndex;
  /** Grows with each round; every append carries it and every answer echoes it. */
  confirmRound: number;
  /** Waiting for the next round. */
  waitingReads: Reader[];
  readRound: ReadRound | null;
  /** No heartbeat is due before. */
  heartbeatDueMs: number;
  /** When it must be looked at again whether a majority answers. */
  quorumCheckDueMs: number;
};

/** Who wants a read index: a reader of this node (`from` null) or of a follower. */
export type Reader = { readonly readId: ReadId; readonly from: NodeId | null };

export type ReadRound = { readonly round: number; readonly readIndex: LogIndex; readonly readers: readonly Reader[] };

/** A follower that knows no leader. @throws InvariantViolation when the durable state contradicts itself */
export function createRaftState(config: RaftConfig, durable: DurableRaftState, nowMs: number): RaftState {
  const base = { index: logIndex(0), term: term(0) };
  const log = new RaftLog(base, config.initialMembership, durable.entries);
  const { currentTerm, votedFor } = durable.hardState;
  invariant(currentTerm >= log.lastTerm, 'the log holds entries of a term that the node has never seen');
  return {
    config,
    currentTerm,
    votedFor,
    log,
    // What was committed is not known after a restart; the leader will say. Committed entries are handed out again.
    commitIndex: base.index,
    lastApplied: base.index,
    handedOutIndex: base.index,
    role: 'follower',
    leaderId: null,
    votesGranted: new Set(),
    leader: null,
    wantsCommitNotices: true,
    askedReads: new Map(),
    nowMs,
    electionDeadlineMs: Infinity,
    leaderHeardAtMs: -Infinity,
    hurriedElectionsLeft: 0,
    random: seededRandom(config.seed, config.nodeId),
    durability: new Durability(log.lastIndex),
    output: new StepOutput(),
  };
}
