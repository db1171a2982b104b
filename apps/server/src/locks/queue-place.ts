import type { LeaseId, QueueSpace } from '@latchkey/state-machine';

/** One lease's place in one queue. `name` as bytes (see `key-text.ts`). */
export type QueuePlace = { readonly space: QueueSpace; readonly name: string; readonly leaseId: LeaseId };

const LEASE_ID_DIGITS = 16;

export const placeKey = ({ space, name, leaseId }: QueuePlace): string => `${space}/${name}/${leaseId}`;

export const isQueueKey = (key: string): boolean => key.startsWith('locks/') || key.startsWith('elections/');

/** Other etcd clients write the lease without leading zeros: both spellings are one place. */
export function placeKeyOfQueueKey(key: string): string {
  const lastSlash = key.lastIndexOf('/');
  const digits = key.slice(lastSlash + 1);
  return digits.length >= LEASE_ID_DIGITS ? key : key.slice(0, lastSlash + 1) + digits.padStart(LEASE_ID_DIGITS, '0');
}
