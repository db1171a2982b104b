import type { Ending } from './history.js';

/** One operation of a history over any kind of object. Times are of one monotonic clock. */
export type TimedOperation<Input, Output> = {
  readonly client: string;
  readonly input: Input;
  readonly invokedAtMs: number;
  readonly ending: Ending<Output>;
};

/**
 * What an object does when its operations come one at a time: the truth against which a concurrent history is held.
 * All functions are pure; `State` is immutable.
 */
export type SequentialModel<State extends object, Input, Output> = {
  readonly init: () => State;
  /**
   * The state afterwards, or null when the object cannot have given this output in this state. An output of
   * `undefined` is not known (nobody saw an answer), which any output may have been.
   */
  readonly step: (state: State, input: Input, output: Output | undefined) => State | null;
  /** Different for different states. */
  readonly stateKey: (state: State) => string;
  /** Different for inputs with different effects; unanswered operations of one key are interchangeable. */
  readonly inputKey: (input: Input) => string;
  /** The object that the operation is about. Objects are checked one by one (Herlihy and Wing: linearizability is local). */
  readonly partitionOf: (input: Input) => string;
  /** Whether an operation with this answer never changes the state: it is then taken as soon as it fits. */
  readonly isObservation: (input: Input, output: Output) => boolean;
  /** For a person; `output` is undefined when nobody saw one. */
  readonly describe: (input: Input, output: Output | undefined) => string;
  readonly describeState: (state: State) => string;
  /**
   * What the whole history of one object tells about its unanswered operations. It must not change the verdict, only
   * spare the search from trying what cannot matter. Those not named may have taken effect at any time or never.
   */
  readonly settleUnanswered?: (operations: readonly TimedOperation<Input, Output>[]) => Settlement<Input, Output>;
};

/** By unanswered operation: the time until which it must have taken effect, or null if it can be left out. */
export type Settlement<Input, Output> = ReadonlyMap<TimedOperation<Input, Output>, number | null>;
