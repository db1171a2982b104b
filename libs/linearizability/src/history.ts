/** How an operation ended, as its client saw it. `unknown` may have taken effect once, at any later time, or never. */
export type Ending<Result> =
  | { readonly type: 'ok'; readonly returnedAtMs: number; readonly result: Result }
  | { readonly type: 'failed'; readonly returnedAtMs: number }
  | { readonly type: 'unknown' };

/** A put (value) or delete (null) of one key. Values must be unique over the whole history, so that each can be recognised. */
export type WriteOperation = {
  readonly type: 'write';
  readonly client: string;
  readonly key: string;
  readonly value: string | null;
  readonly invokedAtMs: number;
  readonly ending: Ending<{ readonly revision: number }>;
};

/** A read of one key; `revision` is the store's revision that the answer states. */
export type ReadOperation = {
  readonly type: 'read';
  readonly client: string;
  readonly key: string;
  readonly invokedAtMs: number;
  readonly ending: Ending<{ readonly revision: number; readonly value: string | null }>;
};

export type Operation = WriteOperation | ReadOperation;

/** One change as a watch from the first revision reports it, in order. */
export type AppliedWrite = { readonly revision: number; readonly key: string; readonly value: string | null };

/** What clients saw, and what the store says happened. Times are of one monotonic clock. */
export type History = { readonly operations: readonly Operation[]; readonly applied: readonly AppliedWrite[] };

/** A way in which a history is not linearizable, told for a person. */
export type Violation = { readonly rule: ViolationRule; readonly message: string };

export type ViolationRule =
  | 'appliedOrder'
  | 'acknowledgedWriteLost'
  | 'writeTookEffectTwice'
  | 'failedWriteTookEffect'
  | 'writeFromNowhere'
  | 'realTimeOrder'
  | 'readOfWrongValue';
