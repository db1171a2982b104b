import type { WireLock } from '@latchkey/contracts';
import { fromJsonBytes, toJsonBytes } from '../kv/text-codec.js';
import { hasCode } from '../errors/latchkey-error.js';
import type { RequestPort } from '../requests/request-port.js';
import type { Claims } from './claims.js';
import { Lock } from './lock.js';

export type AcquireOptions = {
  /** How long to wait for others; 0 = not at all; absent = as long as it takes. Waiting inside this client counts. */
  readonly waitMs?: number;
  /** Ends the waiting. It has no meaning for a lock that is held. */
  readonly signal?: AbortSignal;
  /** Any JSON; shown to whoever inspects the lock. */
  readonly owner?: unknown;
};

export type LockContext = { readonly signal: AbortSignal; readonly fencingToken: number; readonly lock: Lock };

/** A lock by its name: `latchkey.lock('orders/42')`. Costs nothing until it is used. */
export class LockHandle {
  constructor(
    readonly name: string,
    private readonly claims: Claims,
    private readonly requests: RequestPort,
  ) {}

  /**
   * Waits in line, first come first served. Survives the loss of nodes and, while it waits, of the session.
   * @throws LockHeldError when `waitMs` is over; UnavailableError when no node answers; the signal's reason when it aborts
   */
  async acquire(options: AcquireOptions = {}): Promise<Lock> {
    const owner = options.owner === undefined ? {} : { owner: plainJson(options.owner) };
    return new Lock(this.name, await this.claims.acquire({ ...options, ...owner, space: 'locks', name: this.name }));
  }

  /** The lock if it is free now, else null. */
  async tryAcquire(options: Omit<AcquireOptions, 'waitMs'> = {}): Promise<Lock | null> {
    try {
      return await this.acquire({ ...options, waitMs: 0 });
    } catch (error) {
      if (hasCode(error, 'LOCK_HELD', 'LOCK_WAIT_TIMEOUT')) return null;
      throw error;
    }
  }

  /**
   * Acquires, runs, releases. The function must watch `signal`: it aborts when the lock is lost. An error of the function is thrown
   * as it is, whatever release does; a release that cannot be confirmed goes on in the background.
   */
  async run<Result>(
    work: (context: LockContext) => Promise<Result> | Result,
    options: AcquireOptions = {},
  ): Promise<Result> {
    const lock = await this.acquire(options);
    try {
      return await work({ signal: lock.signal, fencingToken: lock.fencingToken, lock });
    } finally {
      await lock[Symbol.asyncDispose]();
    }
  }

  /** Who holds it, who waits, since when. */
  inspect(): Promise<WireLock> {
    return this.requests.call({ op: 'lockInspect', space: 'locks', name: this.name });
  }
}

/** As JSON says it: dates become text, and so on. */
function plainJson(owner: unknown): unknown {
  return fromJsonBytes(toJsonBytes(owner));
}
