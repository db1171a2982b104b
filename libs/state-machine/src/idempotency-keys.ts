import { at } from './at.js';
import { invariant } from './invariant.js';
import { MAX_IDEMPOTENCY_KEYS, MAX_IDEMPOTENCY_OUTCOME_BYTES } from './limits.js';
import { outcomeBytes } from './outcome-bytes.js';
import type { Outcome } from './outcomes.js';

export type RememberedCommand = { readonly commandHash: string; readonly outcome: Outcome };

/**
 * What commands with an idempotency key were answered. The oldest are forgotten first, when there are too many of them
 * or their outcomes keep too many bytes of values alive; a repeat after that takes effect again.
 */
export class IdempotencyKeys {
  readonly #remembered = new Map<string, RememberedCommand>();
  /** Keys, oldest first; those before `#forgotten` are gone. */
  #order: string[] = [];
  #forgotten = 0;
  #heldBytes = 0;

  recall(idempotencyKey: string): RememberedCommand | null {
    return this.#remembered.get(idempotencyKey) ?? null;
  }

  remember(idempotencyKey: string, command: RememberedCommand): void {
    invariant(!this.#remembered.has(idempotencyKey), 'a remembered command is not replaced');
    this.#remembered.set(idempotencyKey, command);
    this.#order.push(idempotencyKey);
    this.#heldBytes += outcomeBytes(command.outcome);
    while (this.#isTooMuch()) this.#forgetOldest();
  }

  /** The newest is kept whatever its size: its command could not take effect once otherwise. */
  #isTooMuch(): boolean {
    const { size } = this.#remembered;
    return size > MAX_IDEMPOTENCY_KEYS || (size > 1 && this.#heldBytes > MAX_IDEMPOTENCY_OUTCOME_BYTES);
  }

  #forgetOldest(): void {
    const oldest = at(this.#order, this.#forgotten);
    const command = this.#remembered.get(oldest);
    this.#remembered.delete(oldest);
    this.#heldBytes -= command === undefined ? 0 : outcomeBytes(command.outcome);
    this.#forgotten += 1;
    if (this.#forgotten * 2 < this.#order.length) return;
    this.#order = this.#order.slice(this.#forgotten);
    this.#forgotten = 0;
  }
}
