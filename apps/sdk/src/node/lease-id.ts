import { randomBytes } from 'node:crypto';

/** 63 random bits as 16 hex digits: lease ids are positive int64 for other etcd clients. */
export function newLeaseId(): string {
  const bytes = randomBytes(8);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('hex');
}
