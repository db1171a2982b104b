import { logIndex, nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { PeerStores } from './peer-stores.js';
import { isConfirmation, storeTagOf } from './store-tag.js';

const N2 = nodeId('n2');
const OLD = 'store of n2';
const NEW = 'store of n2 after it was wiped';
const claimOf = (storeId: string) => ({
  storeId,
  epoch: 1,
  claims: [{ epoch: 1, mark: 7 }],
  takesPart: false,
  isNew: false,
  term: term(3),
  lastIndex: logIndex(9),
  keptIndex: logIndex(9),
});

describe('the tag of a store', () => {
  it('is another one for another store', () => {
    expect(storeTagOf(OLD)).not.toBe(storeTagOf(NEW));
    expect(storeTagOf(OLD)).toBe(storeTagOf(OLD));
    expect(storeTagOf('')).toBeGreaterThanOrEqual(0);
    expect(storeTagOf(NEW)).toBeLessThan(2 ** 32);
  });

  it('goes with what others count on: votes and confirmed entries', () => {
    const vote = { type: 'voteResponse', term: term(1), voteGranted: true } as const;
    expect(isConfirmation({ type: 'raft', message: vote })).toBe(true);
    expect(isConfirmation({ type: 'raft', message: { type: 'timeoutNow', term: term(1) } })).toBe(false);
  });
});

describe('what a store says', () => {
  it('does not count where another one is known of that voter', () => {
    const peers = new PeerStores([
      { node: N2, storeId: OLD, epoch: 1, mark: 7, term: term(3), lastIndex: logIndex(9), knownIndex: logIndex(0) },
    ]);
    expect(peers.isKnownStore(N2, storeTagOf(OLD))).toBe(true);
    expect(peers.isKnownStore(N2, storeTagOf(NEW))).toBe(false);
    peers.judge(N2, claimOf(NEW), { isVoter: true, hasFounded: true, knownIndex: logIndex(0) });
    expect(peers.isKnownStore(N2, storeTagOf(NEW))).toBe(false);
  });

  it('counts once the node is believed with it: it had no vote when it changed it', () => {
    const peers = new PeerStores([
      { node: N2, storeId: OLD, epoch: 1, mark: 7, term: term(3), lastIndex: logIndex(9), knownIndex: logIndex(0) },
    ]);
    peers.judge(N2, claimOf(NEW), { isVoter: false, hasFounded: true, knownIndex: logIndex(0) });
    expect(peers.isKnownStore(N2, storeTagOf(NEW))).toBe(true);
    expect(peers.isKnownStore(N2, storeTagOf(OLD))).toBe(false);
  });

  it('counts while no store of the node is known', () => {
    expect(new PeerStores([]).isKnownStore(N2, storeTagOf(NEW))).toBe(true);
  });
});
