import type { ClientRequest, WireQueueSpace } from '@latchkey/contracts';
import { ClientClosedError, LockHeldError, UnavailableError, hasCode } from '../errors/latchkey-error.js';
import type { Clock } from '../ports/clock.js';
import type { RequestPort } from '../requests/request-port.js';
import type { KeptLease } from '../session/kept-lease.js';
import { Claim } from './claim.js';
import type { LocalTurns, Turn } from './local-turns.js';

/** After `waitMs` the node's answer is waited for so long. */
export const WAIT_ANSWER_GRACE_MS = 1_000;

/** The longest wait that a node accepts. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1000;

export type ClaimRequest = {
  readonly space: WireQueueSpace;
  readonly name: string;
  /** 0 = only if it is free; absent = as long as it takes. Counts the wait inside this client too. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  readonly owner?: unknown;
  readonly value?: Uint8Array;
};

export type ClaimsParts = {
  readonly requests: RequestPort;
  readonly clock: Clock;
  readonly turns: LocalTurns;
  readonly session: (signal?: AbortSignal) => Promise<KeptLease>;
};

/** Takes and gives back places at the front of queues (locks, elections). */
export class Claims {
  readonly #held = new Map<Claim, Turn>();

  constructor(private readonly parts: ClaimsParts) {}

  /**
   * Resolves when the claim is granted. A caller that gives up leaves no place behind: a grant that comes too late is given back.
   * @throws LockHeldError the wait is over and somebody else has it; UnavailableError nobody could be asked; the signal's reason
   */
  acquire(request: ClaimRequest): Promise<Claim> {
    const { signal } = request;
    if (signal === undefined) return this.#acquire(request);
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let aborted = false;
      const onAbort = (): void => {
        aborted = true;
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#acquire(request)
        .finally(() => signal.removeEventListener('abort', onAbort))
        .then((claim) => {
          // The abort came between the grant and here: nobody will ever release it.
          if (aborted) claim.release().catch(() => undefined);
          else resolve(claim);
        }, reject);
    });
  }

  /** Ends everything that is held; the session that is revoked with it frees the places. */
  close(): void {
    for (const claim of this.#held.keys()) claim.end('lost', new ClientClosedError());
  }

  async #acquire(request: ClaimRequest): Promise<Claim> {
    const { waitMs, signal } = request;
    const waitUntilMs = waitMs === undefined ? Number.POSITIVE_INFINITY : this.parts.clock.nowMs() + waitMs;
    const key = `${request.space}/${request.name}`;
    const turn = waitMs === 0 ? this.parts.turns.tryEnter(key) : await this.parts.turns.enter(key, waitUntilMs, signal);
    if (turn === null) {
      throw new LockHeldError(`${request.name} is held by another caller of this client`, {
        code: waitMs === 0 ? 'LOCK_HELD' : 'LOCK_WAIT_TIMEOUT',
      });
    }
    let leaveTurn = true;
    try {
      for (;;) {
        const lease = await this.#session(request, waitUntilMs);
        const outcome = await this.#askOnce({ request, lease, waitUntilMs, turn });
        // A waiter whose session ended, or whose place was taken away, has lost nothing but its place: it queues again.
        if (outcome === 'askAgain') continue;
        leaveTurn = false;
        return outcome;
      }
    } catch (error) {
      if (error instanceof UnsettledClaim) {
        leaveTurn = false;
        void this.#leaveQueue(request, error.lease, turn);
        throw error.reason;
      }
      throw error;
    } finally {
      if (leaveTurn) turn.leave();
    }
  }

  async #session(request: ClaimRequest, waitUntilMs: number): Promise<KeptLease> {
    const deadlineMs = this.#answerDeadlineMs(waitUntilMs);
    if (deadlineMs === Number.POSITIVE_INFINITY) return this.parts.session(request.signal);
    const tooLong = new AbortController();
    const timer = this.parts.clock.setTimer(Math.max(0, deadlineMs - this.parts.clock.nowMs()), () =>
      tooLong.abort(new UnavailableError(`${request.name}: there was no session in time`)),
    );
    try {
      const signals = request.signal === undefined ? [tooLong.signal] : [request.signal, tooLong.signal];
      return await this.parts.session(AbortSignal.any(signals));
    } finally {
      timer.cancel();
    }
  }

  #answerDeadlineMs(waitUntilMs: number): number {
    return Math.max(
      this.parts.clock.nowMs() + this.parts.requests.requestTimeoutMs,
      waitUntilMs + WAIT_ANSWER_GRACE_MS,
    );
  }

  async #askOnce(attempt: {
    readonly request: ClaimRequest;
    readonly lease: KeptLease;
    readonly waitUntilMs: number;
    readonly turn: Turn;
  }): Promise<Claim | 'askAgain'> {
    const { request, lease, waitUntilMs, turn } = attempt;
    const { signal } = request;
    const wire = (nowMs: number): ClientRequest & { op: 'acquire' } =>
      acquireRequest(request, lease, waitUntilMs - nowMs);
    signal?.throwIfAborted();
    const call = this.parts.requests.submit(wire(this.parts.clock.nowMs()), {
      session: lease.id,
      deadlineMs: this.#answerDeadlineMs(waitUntilMs),
      refresh: wire,
    });
    signal?.addEventListener('abort', call.cancel, { once: true });
    try {
      if (signal?.aborted === true) call.cancel();
      const { fencingToken } = await call.result;
      // Answered, but too late to be relied on.
      if (!lease.isLive) return 'askAgain';
      return this.#hold(request, lease, { fencingToken, turn });
    } catch (error) {
      if (hasCode(error, 'SESSION_LOST', 'LEASE_NOT_FOUND')) {
        // The renewals may not have heard of it yet; without this the next turn of the loop would ask with the same lease.
        lease.lose('the cluster does not know it any more');
        signal?.throwIfAborted();
        return 'askAgain';
      }
      if (hasCode(error, 'LOCK_HELD', 'LOCK_WAIT_TIMEOUT', 'INVALID_ARGUMENT', 'TOO_LARGE', 'CLIENT_CLOSED'))
        throw error;
      if (signal?.aborted === true) throw new UnsettledClaim(lease, signal.reason);
      // Taken away while it waited; or the answer to an earlier sending was lost, and said that the wait was over.
      if (hasCode(error, 'LOCK_NOT_HELD')) return 'askAgain';
      // Whatever was granted behind our back is given back, so that for the caller nothing has happened.
      const reason = hasCode(error, 'OUTCOME_UNKNOWN')
        ? new UnavailableError(`${request.name}: no node answered in time; a late grant will be given back`, {
            cause: error,
          })
        : error;
      throw new UnsettledClaim(lease, reason);
    } finally {
      signal?.removeEventListener('abort', call.cancel);
    }
  }

  #hold(request: ClaimRequest, lease: KeptLease, grant: { fencingToken: number; turn: Turn }): Claim {
    const { space, name } = request;
    const claim = new Claim({
      space,
      name,
      lease,
      fencingToken: grant.fencingToken,
      giveBack: (given) => this.#giveBack(given, grant.turn),
      ended: (lost) => {
        this.#held.delete(lost);
        grant.turn.leave();
      },
    });
    this.#held.set(claim, grant.turn);
    return claim;
  }

  async #giveBack(claim: Claim, turn: Turn): Promise<void> {
    this.#held.delete(claim);
    const { space, name, lease } = claim.parts;
    try {
      await this.parts.requests.call({ op: 'release', space, name, lease: lease.id }, { session: lease.id });
    } catch (error) {
      if (isGoneAnyway(error)) return turn.leave();
      // The next caller's turn comes when it is certain that this one's place is gone.
      void this.#leaveQueue({ space, name }, lease, turn);
      throw error;
    }
    turn.leave();
  }

  /** Repeats the release until it is answered or the session is over. */
  async #leaveQueue(place: Pick<ClaimRequest, 'space' | 'name'>, lease: KeptLease, turn: Turn): Promise<void> {
    const { space, name } = place;
    try {
      if (!lease.isLive) return;
      await this.parts.requests.call(
        { op: 'release', space, name, lease: lease.id },
        { session: lease.id, deadlineMs: Number.POSITIVE_INFINITY },
      );
    } catch (error) {
      if (isGoneAnyway(error) || !lease.isLive) return;
      // A refusal of this kind would come again. Only the end of the session can free the place for sure.
      lease.lose(`${name} could not be released: ${String(error)}`);
    } finally {
      turn.leave();
    }
  }
}

/** The cluster may have granted it, or may still do so: the place must be left before anybody asks again. */
class UnsettledClaim extends Error {
  constructor(
    readonly lease: KeptLease,
    readonly reason: unknown,
  ) {
    super('unsettled claim');
  }
}

function isGoneAnyway(error: unknown): boolean {
  return hasCode(error, 'LOCK_NOT_HELD', 'SESSION_LOST', 'LEASE_NOT_FOUND', 'CLIENT_CLOSED');
}

function acquireRequest(
  request: ClaimRequest,
  lease: KeptLease,
  leftMs: number,
): ClientRequest & { readonly op: 'acquire' } {
  const { space, name, owner, value, waitMs } = request;
  // A repeat of a waiting request never says 0: that would ask another question than the one that may have been queued already.
  const wait =
    waitMs === undefined ? {} : { waitMs: waitMs === 0 ? 0 : Math.min(MAX_WAIT_MS, Math.max(1, Math.ceil(leftMs))) };
  return {
    op: 'acquire',
    space,
    name,
    lease: lease.id,
    ...wait,
    ...(owner === undefined ? {} : { owner }),
    ...(value === undefined ? {} : { value }),
  };
}
