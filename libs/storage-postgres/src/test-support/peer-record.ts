import { logIndex, nodeId, term } from '@latchkey/raft';
import type { PeerRecord } from '@latchkey/replica';

/** What a store may remember of another one; all its numbers differ. */
export const PEER: PeerRecord = {
  node: nodeId('n2'),
  storeId: 'two',
  epoch: 3,
  mark: 7,
  term: term(2),
  lastIndex: logIndex(9),
  knownIndex: logIndex(4),
};
