import type { PeerMessage } from './ports/peer-transport.js';
import type { StoreId } from './ports/identity-store.js';

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Stands for the name of a store in messages, from 0 to 2^32 - 1: stores of one node have others, but for one in four billion. */
export function storeTagOf(storeId: StoreId): number {
  let hash = FNV_OFFSET_BASIS;
  for (let index = 0; index < storeId.length; index += 1) {
    hash = Math.imul(hash ^ storeId.charCodeAt(index), FNV_PRIME);
  }
  return hash >>> 0;
}

/** Whether somebody counts on what this says: it is worth something only together with the store that remembers it. */
export function isConfirmation({ message }: Extract<PeerMessage, { readonly type: 'raft' }>): boolean {
  switch (message.type) {
    case 'preVoteResponse':
    case 'voteResponse':
    case 'appendAccepted':
    case 'appendRejected':
      return true;
    default:
      return false;
  }
}
