/** A bug in Latchkey itself. Never caught and continued: the node stops and restarts from what is durable. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** @throws InvariantViolation when `condition` is false. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

/** The default arm of an exhaustive switch: a new variant fails to compile here. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`unexpected variant: ${JSON.stringify(value)}`);
}
