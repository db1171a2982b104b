import type { ByteSink } from './byte-sink.js';
import { invariant } from './invariant.js';
import { MAX_IDEMPOTENCY_KEYS, MAX_IDEMPOTENCY_OUTCOME_BYTES } from './limits.js';
import { NumberedList } from './numbered-list.js';
import { outcomeBytes } from './outcome-bytes.js';
import { encodeOutcome } from './outcome-encoder.js';
import type { Outcome } from './outcomes.js';
import { partCount } from './row-parts.js';

export type RememberedCommand = { readonly commandHash: string; readonly outcome: Outcome };

/** What the rows of one idempotency key say. */
export type KeyedCommand = RememberedCommand & { readonly idempotencyKey: string };

/** Rows to write and to delete. */
export type IdempotencyKeyChanges = {
  readonly gone: readonly { readonly number: number; readonly parts: number }[];
  readonly remembered: readonly (KeyedCommand & { readonly number: number })[];
};

/**
 * What commands with an idempotency key were answered. The oldest are forgotten first, when there are too many of them
 * or their outcomes keep too many bytes of values alive; a repeat after that takes effect again.
 */
export class IdempotencyKeys {
  readonly #remembered = new Map<string, RememberedCommand>();
  readonly #order = new NumberedList<string>();
  #heldBytes = 0;
  #gone: { readonly number: number; readonly parts: number }[] = [];

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

  get size(): number {
    return this.#remembered.size;
  }

  /** The number that the next key gets. Set while none is remembered. */
  get nextNumber(): number {
    return this.#order.next;
  }

  set nextNumber(number: number) {
    this.#order.startAt(number);
  }

  /** What has changed since the last call, at the cost of that. */
  takeChanges(): IdempotencyKeyChanges {
    const remembered = this.#order.take().map(({ number, element: idempotencyKey }) => {
      return { number, ...this.#command(idempotencyKey) };
    });
    const gone = this.#gone;
    this.#gone = [];
    return { gone, remembered };
  }

  /** The newest is kept whatever its size: its command could not take effect once otherwise. */
  #isTooMuch(): boolean {
    const { size } = this.#remembered;
    return size > MAX_IDEMPOTENCY_KEYS || (size > 1 && this.#heldBytes > MAX_IDEMPOTENCY_OUTCOME_BYTES);
  }

  #forgetOldest(): void {
    const { number, element: oldest, wasTaken } = this.#order.dropOldest();
    const command = this.#command(oldest);
    this.#remembered.delete(oldest);
    this.#heldBytes -= outcomeBytes(command.outcome);
    if (wasTaken) this.#gone.push({ number, parts: partCount((sink) => encodeKeyedCommand(sink, command)) });
  }

  #command(idempotencyKey: string): KeyedCommand {
    const command = this.#remembered.get(idempotencyKey);
    invariant(command !== undefined, 'an idempotency key in order has its command');
    return { idempotencyKey, ...command };
  }
}

export function encodeKeyedCommand(sink: ByteSink, command: KeyedCommand): void {
  sink.text(command.commandHash);
  sink.text(command.idempotencyKey);
  encodeOutcome(sink, command.outcome);
}
