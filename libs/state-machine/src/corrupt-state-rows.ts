/**
 * Rows that are not those of a state: something was lost, repeated, reordered or changed, or a newer program wrote them.
 * The state that was there before stays; whoever restores must get the rows from elsewhere.
 */
export class CorruptStateRows extends Error {
  override readonly name = 'CorruptStateRows';
}

/** @throws CorruptStateRows when `condition` is false. */
export function checkRows(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CorruptStateRows(message);
}
