import type { QueueSpace } from './commands.js';
import { isLeaseId, type LeaseId } from './ids.js';

const LEASE_ID_DIGITS = 16;
const SPACES: readonly QueueSpace[] = ['locks', 'elections'];

export type QueuePlace = { readonly space: QueueSpace; readonly name: string; readonly leaseId: LeaseId };

/** The key by which a lease stands in a queue. */
export const queueKey = (place: QueuePlace): string => `${place.space}/${place.name}/${place.leaseId}`;

/** The same place as other etcd clients write it (`%x`): no leading zeros in the lease id. */
export const unpaddedQueueKey = (place: QueuePlace): string =>
  `${place.space}/${place.name}/${place.leaseId.replace(/^0+/, '')}`;

/**
 * The place that `key` names, in one of its two spellings; null for any other key. The name may contain slashes, but is
 * not empty. Whether the key really stands in the queue depends on the lease it is attached to.
 */
export function parseQueueKey(key: string): QueuePlace | null {
  const space = SPACES.find((candidate) => key.startsWith(candidate) && key[candidate.length] === '/');
  if (space === undefined) return null;
  const lastSlash = key.lastIndexOf('/');
  const name = key.slice(space.length + 1, lastSlash);
  const digits = key.slice(lastSlash + 1);
  if (name === '' || lastSlash === space.length) return null;
  if (digits.length < LEASE_ID_DIGITS && digits.startsWith('0')) return null;
  const leaseId = digits.padStart(LEASE_ID_DIGITS, '0');
  return digits !== '' && isLeaseId(leaseId) ? { space, name, leaseId } : null;
}
