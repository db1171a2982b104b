/** A history that cannot be: a fault of whoever recorded it, not of the store under test. */
export class HistoryInvariantViolation extends Error {
  override readonly name = 'HistoryInvariantViolation';
}

/** @throws HistoryInvariantViolation when `condition` is false. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new HistoryInvariantViolation(message);
}
