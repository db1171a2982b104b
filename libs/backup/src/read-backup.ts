import { BackupDecoder, type BackupPart } from './backup-decoder.js';
import { BackupDamaged } from './backup-damaged.js';
import type { BackupSummary } from './backup-format.js';
import type { BackupHeader } from './backup-header.js';

/**
 * The parts of a backup, and in the end (as the generator's result) what it was. Until then the file may still turn out
 * not to be whole.
 * @param chunks of the file, such as a read stream
 * @throws BackupDamaged, and whatever reading throws
 */
export async function* readBackup(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BackupPart, BackupSummary> {
  const decoder = new BackupDecoder();
  for await (const chunk of chunks) yield* decoder.push(chunk);
  return decoder.finish();
}

/** Reads a backup to its end, and keeps nothing of it. @throws BackupDamaged, and whatever reading throws */
export async function verifyBackup(
  chunks: AsyncIterable<Uint8Array>,
): Promise<BackupSummary & { readonly header: BackupHeader }> {
  const parts = readBackup(chunks);
  let header: BackupHeader | null = null;
  for (;;) {
    const { done, value } = await parts.next();
    if (done !== true) {
      if (value.type === 'header') header = value.header;
      continue;
    }
    // The decoder lets nothing end without a header.
    if (header === null) throw new BackupDamaged('it has no header');
    return { ...value, header };
  }
}
