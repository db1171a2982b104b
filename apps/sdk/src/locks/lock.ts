import type { Claim } from './claim.js';

/** A lock that is held, until `release()`, the end of `await using`, or the loss of the session. */
export class Lock implements AsyncDisposable {
  constructor(
    readonly name: string,
    private readonly claim: Claim,
  ) {}

  /** Grows with every grant of this lock and is never reused: hand it to whatever the lock protects (`guardFence`). */
  get fencingToken(): number {
    return this.claim.fencingToken;
  }

  /** How long the lock can be relied on even if no renewal ever comes through again; 0 once it is over. */
  get remainingMs(): number {
    return this.claim.remainingMs;
  }

  /** Aborts when the lock is lost, before the cluster can grant it to anybody else, and when it is released. Its reason is the error. */
  get signal(): AbortSignal {
    return this.claim.signal;
  }

  /**
   * Evaluates the deadline now, without asking anybody.
   * @throws SessionLostError when the lock may be somebody else's; LockNotHeldError after release
   */
  assertHeld(): void {
    this.claim.assertHeld();
  }

  /**
   * Gives the lock back; the next in the queue has it when this resolves. May be called again. A lock that was lost meanwhile is no error.
   * @throws UnavailableError, OutcomeUnknownError no node confirmed it in time; it is repeated in the background until it is certain
   */
  release(): Promise<void> {
    return this.claim.release();
  }

  /** Never throws: a failing release must not hide an error of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.claim.release().catch(() => undefined);
  }
}
