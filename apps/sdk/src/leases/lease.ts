import { ClientClosedError } from '../errors/latchkey-error.js';
import type { KeptLease } from '../session/kept-lease.js';
import type { LeaseGranter } from '../session/lease-granter.js';

/** A lease besides the session, renewed in the background until `revoke()`. Keys written with its `id` vanish with it. */
export class Lease implements AsyncDisposable {
  readonly id: string;
  /** As granted by the cluster. */
  readonly ttlMs: number;
  readonly #controller = new AbortController();

  constructor(
    private readonly lease: KeptLease,
    private readonly granter: LeaseGranter,
  ) {
    this.id = lease.id;
    this.ttlMs = lease.ttlMs;
    lease.onLost((error) => this.#controller.abort(error));
  }

  /** Aborts when the lease is lost, before the cluster can have ended it, and when it is revoked. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return this.lease.remainingMs;
  }

  /** Ends the lease and deletes its keys, as one revision. That it is gone already is no error. */
  async revoke(): Promise<void> {
    if (!this.#controller.signal.aborted) this.#controller.abort(new ClientClosedError('the lease was revoked'));
    await this.granter.revoke(this.lease);
  }

  /** Never throws: the lease ends by its TTL at the latest. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke().catch(() => undefined);
  }
}
