export { BackupDamaged } from './backup-damaged.js';
export { BackupDecoder, type BackupPart } from './backup-decoder.js';
export { BackupEncoder } from './backup-encoder.js';
export type { BackupHeader, BackupMembership } from './backup-header.js';
export type { BackupRow, BackupSummary } from './backup-format.js';
export { MAX_FRAME_ROW_BYTES } from './backup-format.js';
export { readBackup, verifyBackup } from './read-backup.js';
