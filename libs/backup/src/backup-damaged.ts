/** Bytes that are no backup, or not all of one, or not as they were written. Nothing of such a file may be used. */
export class BackupDamaged extends Error {
  override readonly name = 'BackupDamaged';
}

/** @throws BackupDamaged when `condition` is false */
export function checkBackup(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BackupDamaged(message);
}
