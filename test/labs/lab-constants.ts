/*
 * The constants of the tests of MIT 6.5840, Lab 3 ("Raft"), as RAFT-CHECKLIST.md §2a lists them. They are theirs: none is
 * tuned to this implementation.
 */

/** `RaftElectionTimeout` of the lab's tests: how long they wait for what must (not) happen meanwhile. */
export const LAB_ELECTION_TIMEOUT_MS = 1_000;
/** A leader is there after at most ten looks, half a second apart. */
export const LEADER_LIMIT_MS = 5_000;
/** A command is tried for this long altogether, */
export const AGREEMENT_LIMIT_MS = 10_000;
/** and for this long at one leader. */
export const AGREEMENT_TRY_MS = 2_000;
/** No test may take longer. */
export const TEST_LIMIT_MS = 120_000;

/** The lab allows a leader ten heartbeats a second. */
export const HEARTBEAT_MS = 100;
/**
 * Ours; the lab leaves it to its students, and asks for a leader within five seconds. With replies that are up to two
 * seconds late (long reordering) a shorter one makes most elections end before their votes have come.
 */
export const ELECTION_TIMEOUT_MS = 5 * HEARTBEAT_MS;

/** Unreliable network: a request is delayed by up to this, */
export const REQUEST_DELAY_MAX_MS = 26;
/** and this part of the requests, and of the replies, is lost. */
export const LOSS = 0.1;

/** Long reordering: this part of the replies is late, by 200 ms and a number below 1 + a number below 2000 more. */
export const LATE_REPLIES = 2 / 3;
export const LATE_REPLY_MIN_MS = 200;
export const LATE_REPLY_SPREAD_MS = 2_000;

/** Bytes of commands that are sent to all may cost this much more, whatever they are for. */
export const BYTES_SLACK = 50_000;
/** Ours: envelope, entry and message heads around large commands. */
export const ENVELOPE_OVERHEAD = 0.15;

export const MAX_ELECTION_RPCS = 30;
/** For `n` commands to three servers. */
export const maxAgreementRpcs = (commandCount: number): number => (commandCount + 1 + 3) * 3;
/** In one idle second, three servers. */
export const MAX_IDLE_RPCS = 3 * 20;

/** `SnapShotInterval`. */
export const CHECKPOINT_EVERY_COMMANDS = 10;
/** `MAXLOGSIZE`: bytes of log that a server may hold when it makes a snapshot that often. */
export const MAX_LOG_BYTES = 2_000;
