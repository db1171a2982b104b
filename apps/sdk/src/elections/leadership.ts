import { LockNotHeldError } from '../errors/latchkey-error.js';
import { toJsonBytes } from '../kv/text-codec.js';
import type { Claim } from '../locks/claim.js';
import type { RequestPort } from '../requests/request-port.js';

/** This client leads, until `resign()` or the loss of the session. */
export class Leadership implements AsyncDisposable {
  constructor(
    readonly name: string,
    private readonly claim: Claim,
    private readonly requests: RequestPort,
  ) {}

  /** Grows with every leader of this election, and is never reused. */
  get fencingToken(): number {
    return this.claim.fencingToken;
  }

  /** Aborts when leadership is lost, before anybody else can be elected, and on resigning. */
  get signal(): AbortSignal {
    return this.claim.signal;
  }

  get remainingMs(): number {
    return this.claim.remainingMs;
  }

  /** @throws SessionLostError, LockNotHeldError */
  assertHeld(): void {
    this.claim.assertHeld();
  }

  /**
   * Changes what observers see, only while this is still the leader.
   * @throws SessionLostError, LockNotHeldError when it is not
   */
  async proclaim(value: unknown): Promise<void> {
    this.claim.assertHeld();
    const { lease } = this.claim.parts;
    const key = `elections/${this.name}/${lease.id}`;
    const { succeeded } = await this.requests.call({
      op: 'txn',
      compare: [{ range: { key }, target: 'createRevision', result: 'equal', operand: this.fencingToken }],
      success: [{ op: 'put', key, value: toJsonBytes(value), lease: lease.id }],
      failure: [],
    });
    if (succeeded) return;
    const error = new LockNotHeldError(`${this.name}: leadership was taken away`);
    this.claim.end('lost', error);
    throw error;
  }

  /** Steps down; the next candidate leads when this resolves. May be called again. */
  resign(): Promise<void> {
    return this.claim.release();
  }

  /** Never throws: a failing resignation must not hide an error of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.claim.release().catch(() => undefined);
  }
}
