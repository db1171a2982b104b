import { BackupEncoder } from '../backup-encoder.js';
import type { BackupHeader } from '../backup-header.js';
import type { BackupRow } from '../backup-format.js';

export const HEADER: BackupHeader = {
  clusterId: 'production',
  nodeId: 'n2',
  revision: 12_345,
  appliedIndex: 2 ** 40 + 77,
  term: 9,
  membership: { voters: ['n1', 'n2', 'n3'], votersOutgoing: [], learners: ['n4'] },
  createdAt: '2026-01-02T03:04:05.678Z',
  programVersion: '0.1.0',
};

/** Rows with ascending keys. */
export function numberedRows(count: number, valueBytes = 20): BackupRow[] {
  return Array.from({ length: count }, (_, number) => ({
    key: Uint8Array.of(4, number >>> 16, (number >>> 8) & 255, number & 255),
    value: new Uint8Array(valueBytes).fill(number & 255),
  }));
}

/** The whole file in one piece; `pages` as a store would give them. */
export function encodedBackup(pages: readonly (readonly BackupRow[])[], header: BackupHeader = HEADER): Uint8Array {
  const encoder = new BackupEncoder();
  const pieces = [encoder.begin(header)];
  for (const page of pages) pieces.push(...encoder.rows(page));
  // Not a Buffer, whose `slice` would be a view.
  return new Uint8Array(Buffer.concat([...pieces, encoder.end()]));
}
