import type { WireQueueSpace } from '@latchkey/contracts';
import { LockNotHeldError } from '../errors/latchkey-error.js';
import type { KeptLease } from '../session/kept-lease.js';

export type ClaimParts = {
  readonly space: WireQueueSpace;
  readonly name: string;
  readonly lease: KeptLease;
  readonly fencingToken: number;
  /** Gives the place back on the cluster. */
  readonly giveBack: (claim: Claim) => Promise<void>;
  /** Held no longer, for whatever reason. */
  readonly ended: (claim: Claim) => void;
};

/** The front place in a queue on the cluster: what a lock and a leadership have in common. */
export class Claim {
  readonly fencingToken: number;
  #state: 'held' | 'released' | 'lost' = 'held';
  #endError: Error | null = null;
  #controller: AbortController | null = null;
  #released: Promise<void> | null = null;
  readonly #forgetLease: () => void;

  constructor(readonly parts: ClaimParts) {
    this.fencingToken = parts.fencingToken;
    this.#forgetLease = parts.lease.onLost((error) => this.end('lost', error));
  }

  /** Aborts when the claim is lost or given back, with an error as its reason. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#endError !== null && !this.#controller.signal.aborted) this.#controller.abort(this.#endError);
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return this.#state === 'held' ? this.parts.lease.remainingMs : 0;
  }

  /** @throws SessionLostError past the deadline, LockNotHeldError after release */
  assertHeld(): void {
    // Asking the lease may find the deadline passed, which ends this claim before the next line reads its state.
    if (this.parts.lease.isLive && this.#state === 'held') return;
    throw this.#endError ?? new LockNotHeldError(`${this.parts.name} is not held`);
  }

  /** Gives it back; the second call answers like the first. That it is lost already is not an error. */
  release(): Promise<void> {
    if (this.#released !== null) return this.#released;
    if (this.#state !== 'held') return Promise.resolve();
    this.end('released', new LockNotHeldError(`${this.parts.name} has been released`));
    this.#released = this.parts.giveBack(this);
    return this.#released;
  }

  end(state: 'released' | 'lost', error: Error): void {
    if (this.#state !== 'held') return;
    this.#state = state;
    this.#endError = error;
    this.#forgetLease();
    this.#controller?.abort(error);
    if (state === 'lost') this.parts.ended(this);
  }
}
