/** The backup cannot be restored like this. Nothing was written. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}
