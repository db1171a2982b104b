/** What the process answers with. Stable: scripts depend on these numbers (docs/cli.md). */
export const EXIT_CODE = {
  ok: 0,
  /** Anything that has no number of its own. */
  failure: 1,
  /** Wrong arguments, a wrong setting or cluster file; nothing was sent. */
  usage: 2,
  /** No node answered, or none knows a leader. */
  unavailable: 3,
  /** Key, lease or lock not found; lock held by someone else; the wait for it ended. */
  notFoundOrHeld: 4,
  /** A condition on a revision did not hold. */
  conditionFailed: 5,
  /** The lock or the leadership was lost while it was in use. */
  lost: 6,
  /** The write may or may not have happened. */
  outcomeUnknown: 7,
  /** `lock`: the command exists but cannot be run. */
  notExecutable: 126,
  /** `lock`: there is no such command. */
  commandNotFound: 127,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** A shell reports a command that died of signal n as 128 + n. */
export const SIGNAL_EXIT_BASE = 128;

export const EXIT_CODE_HELP = `
Exit codes:
  0  done                         4  not found, or the lock is held
  1  failure                      5  a revision condition did not hold
  2  wrong arguments or settings  6  the lock or leadership was lost
  3  no node or leader answers    7  outcome unknown: the write may have happened
  "lock" exits with the status of its command (128+n after signal n, 126/127 when it cannot be run).`;
