/** A bug in the replicated state itself: the node stops. Bad data from a client is a refusal, never this. */
export class StateInvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** @throws StateInvariantViolation when `condition` is false. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new StateInvariantViolation(message);
}

/** The default arm of an exhaustive switch: a new variant fails to compile here. */
export function assertNever(value: never): never {
  throw new StateInvariantViolation(`unexpected variant: ${JSON.stringify(value)}`);
}
