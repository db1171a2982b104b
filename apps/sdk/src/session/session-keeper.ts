import type { SessionLostError } from '../errors/latchkey-error.js';
import { ClientClosedError } from '../errors/latchkey-error.js';
import type { KeptLease } from './kept-lease.js';
import type { LeaseGranter } from './lease-granter.js';

export type SessionKeeperParts = {
  readonly granter: LeaseGranter;
  readonly ttlMs: number;
  /** Session writes go under this lease from now on; null = there is none. */
  readonly sessionChanged: (lease: KeptLease | null) => void;
  readonly inJeopardy: (lease: KeptLease) => void;
  readonly lost: (lease: KeptLease, error: SessionLostError) => void;
  /** No session can ever be had, e.g. its TTL is refused. */
  readonly failed: (error: unknown) => void;
};

type Waiter = { readonly resolve: (lease: KeptLease) => void; readonly reject: (error: unknown) => void };

/** The client's one session: made at the start, and made anew in the background when it is lost. */
export class SessionKeeper {
  #current: KeptLease | null = null;
  readonly #waiters = new Set<Waiter>();
  #closedBy: unknown = null;

  constructor(private readonly parts: SessionKeeperParts) {}

  get current(): KeptLease | null {
    return this.#current;
  }

  start(): void {
    void this.#open();
  }

  /** Resolves with a live session, at once when there is one. */
  whenReady(signal?: AbortSignal): Promise<KeptLease> {
    if (this.#closedBy !== null) return Promise.reject(this.#closedBy);
    if (this.#current?.isLive === true) return Promise.resolve(this.#current);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        resolve: (lease) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(lease);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** A node said that it does not know this session. */
  refused(leaseId: string): void {
    if (this.#current?.id === leaseId) this.#current.lose('the cluster does not know it any more');
  }

  /** Takes the session out of use; the caller revokes it. */
  close(error: unknown = new ClientClosedError()): KeptLease | null {
    this.#closedBy ??= error;
    const lease = this.#current;
    this.#current = null;
    for (const waiter of this.#waiters) waiter.reject(this.#closedBy);
    this.#waiters.clear();
    return lease;
  }

  async #open(): Promise<void> {
    try {
      const lease = await this.parts.granter.grant(this.parts.ttlMs, Number.POSITIVE_INFINITY, this.parts.inJeopardy);
      if (this.#closedBy !== null) return;
      this.#current = lease;
      lease.onLost((error) => this.#onLost(lease, error));
      this.parts.sessionChanged(lease);
      for (const waiter of this.#waiters) waiter.resolve(lease);
      this.#waiters.clear();
    } catch (error) {
      if (this.#closedBy !== null) return;
      this.close(error);
      this.parts.failed(error);
    }
  }

  #onLost(lease: KeptLease, error: SessionLostError): void {
    if (this.#current !== lease) return;
    this.#current = null;
    this.parts.sessionChanged(null);
    this.parts.lost(lease, error);
    void this.#open();
  }
}
