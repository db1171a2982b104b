import { EventLine, mustTakeEffect } from './event-line.js';
import { invariant } from './invariant.js';
import type { SequentialModel, TimedOperation } from './sequential-model.js';
import { TakenSet } from './taken-set.js';

/** One operation of the object that is searched. */
export type SearchedOperation<Input, Output> = {
  readonly operation: TimedOperation<Input, Output>;
  /** When it must have taken effect; Infinity: it may also never have. */
  readonly endsAtMs: number;
};

export type SearchOutcome = {
  readonly verdict: 'linearizable' | 'violation' | 'unknown';
  /** The longest order that was found to be possible, as positions in the operations. */
  readonly longestOrder: readonly number[];
  readonly steps: number;
};

type Frame<State> = { readonly position: number; readonly stateBefore: State; readonly isForced: boolean };

/**
 * Searches for an order of the operations of one object that agrees with real time and that the model explains:
 * Wing and Gong's search with Lowe's memoisation ("Testing for linearizability", 2017), as Porcupine does it. Three things
 * are added, none of which changes the verdict: an observation is taken as soon as it fits, for it stands in nobody's way; an
 * unanswered operation is not taken where it changes nothing; of interchangeable unanswered ones the oldest is taken first.
 */
export class LinearizationSearch<State extends object, Input, Output> {
  readonly #model: SequentialModel<State, Input, Output>;
  readonly #operations: readonly SearchedOperation<Input, Output>[];
  readonly #line: EventLine;
  readonly #taken: TakenSet;
  readonly #elderTwins: Int32Array;
  readonly #seen = new Set<string>();
  readonly #frames: Frame<State>[] = [];
  readonly #longest: number[] = [];
  /** So many first frames are the same as in the longest order. */
  #commonLength = 0;
  #state: State;
  #endsLeft: number;
  #steps = 0;

  /** @param operations ordered by the time of their invocation */
  constructor(model: SequentialModel<State, Input, Output>, operations: readonly SearchedOperation<Input, Output>[]) {
    this.#model = model;
    this.#operations = operations;
    this.#line = new EventLine(operations);
    this.#taken = new TakenSet(operations.length);
    this.#elderTwins = elderTwins(model, operations);
    this.#state = model.init();
    this.#endsLeft = operations.filter(mustTakeEffect).length;
  }

  /** @param stepsMax tries of an operation in a state; the search gives up with `unknown` after so many */
  run(stepsMax: number): SearchOutcome {
    this.#takeObservations();
    let event = this.#line.first();
    while (this.#endsLeft > 0) {
      if (this.#steps >= stepsMax) return this.#outcome('unknown');
      if (this.#line.isEnd(event)) {
        const abandoned = this.#backtrack();
        if (abandoned === null) return this.#outcome('violation');
        event = this.#line.after(abandoned);
      } else {
        event = this.#tryToTake(event) ? this.#line.first() : this.#line.after(event);
      }
    }
    return this.#outcome('linearizable');
  }

  #tryToTake(position: number): boolean {
    const searched = this.#at(position);
    const { input, ending } = searched.operation;
    if (ending.type === 'ok' && this.#model.isObservation(input, ending.result)) return false; // taken already if it fitted
    const elder = this.#elderTwins[position] ?? -1;
    if (elder >= 0 && !this.#taken.has(elder)) return false;

    this.#steps += 1;
    const state = this.#model.step(this.#state, input, outputOf(searched));
    if (state === null) return false;
    const stateKey = this.#model.stateKey(state);
    if (!mustTakeEffect(searched) && stateKey === this.#model.stateKey(this.#state)) return false;
    this.#taken.add(position);
    const configuration = this.#taken.key() + stateKey;
    if (this.#seen.has(configuration)) {
      this.#taken.delete(position);
      return false;
    }
    this.#seen.add(configuration);
    this.#push(position, state, false);
    this.#takeObservations();
    return true;
  }

  /** Everything before the first end may come next; what fits and changes nothing comes now. */
  #takeObservations(): void {
    for (let event = this.#line.first(); !this.#line.isEnd(event); event = this.#line.after(event)) {
      const { operation } = this.#at(event);
      const { input, ending } = operation;
      if (ending.type !== 'ok' || !this.#model.isObservation(input, ending.result)) continue;
      this.#steps += 1;
      if (this.#model.step(this.#state, input, ending.result) === null) continue;
      this.#taken.add(event);
      this.#push(event, this.#state, true);
    }
  }

  #push(position: number, state: State, isForced: boolean): void {
    this.#frames.push({ position, stateBefore: this.#state, isForced });
    this.#state = state;
    this.#line.lift(position);
    if (mustTakeEffect(this.#at(position))) this.#endsLeft -= 1;
  }

  /** Gives up the last choice; its position, or null when there was none left. */
  #backtrack(): number | null {
    this.#keepIfLongest();
    for (let frame = this.#frames.pop(); frame !== undefined; frame = this.#frames.pop()) {
      this.#taken.delete(frame.position);
      this.#line.putBack(frame.position);
      if (mustTakeEffect(this.#at(frame.position))) this.#endsLeft += 1;
      this.#state = frame.stateBefore;
      this.#commonLength = Math.min(this.#commonLength, this.#frames.length);
      if (!frame.isForced) return frame.position;
    }
    return null;
  }

  #keepIfLongest(): void {
    if (this.#frames.length <= this.#longest.length) return;
    this.#longest.length = this.#commonLength;
    for (const { position } of this.#frames.slice(this.#commonLength)) this.#longest.push(position);
    this.#commonLength = this.#longest.length;
  }

  #outcome(verdict: SearchOutcome['verdict']): SearchOutcome {
    this.#keepIfLongest();
    return { verdict, longestOrder: this.#longest, steps: this.#steps };
  }

  #at(position: number): SearchedOperation<Input, Output> {
    const searched = this.#operations[position];
    invariant(searched !== undefined, `no operation at ${position}`);
    return searched;
  }
}

export const outputOf = <Input, Output>({ operation }: SearchedOperation<Input, Output>): Output | undefined =>
  operation.ending.type === 'ok' ? operation.ending.result : undefined;

/** For each operation that may never have taken effect: the one before it with the same effect, or −1. */
function elderTwins<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly SearchedOperation<Input, Output>[],
): Int32Array {
  const twins = new Int32Array(operations.length).fill(-1);
  const lastOf = new Map<string, number>();
  for (const [position, searched] of operations.entries()) {
    if (mustTakeEffect(searched)) continue;
    const inputKey = model.inputKey(searched.operation.input);
    twins[position] = lastOf.get(inputKey) ?? -1;
    lastOf.set(inputKey, position);
  }
  return twins;
}
