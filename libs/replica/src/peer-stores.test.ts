import { logIndex, nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { PeerStores } from './peer-stores.js';
import type { StoreClaim } from './ports/identity-messages.js';
import type { ClaimMark, PeerRecord } from './ports/identity-store.js';

const N2 = nodeId('n2');
const STORE = 'store of n2';
const VOTER = { isVoter: true, hasFounded: true, knownIndex: logIndex(4) };
const SEEN_EPOCH = 5;
/** Of the claim that was seen. */
const SEEN_MARK = 500;
const OTHER_MARK = 501;
const SEEN: PeerRecord = {
  node: N2,
  storeId: STORE,
  epoch: SEEN_EPOCH,
  mark: SEEN_MARK,
  term: term(3),
  lastIndex: logIndex(9),
  knownIndex: logIndex(4),
};

const marks = (...claims: readonly (readonly [epoch: number, mark: number])[]): readonly ClaimMark[] =>
  claims.map(([epoch, mark]) => ({ epoch, mark }));

/** The epoch is that of the last claim. */
function claimOf(claims: readonly ClaimMark[], shown: Partial<StoreClaim> = {}): StoreClaim {
  const epoch = claims.at(-1)?.epoch ?? 0;
  const position = { term: term(3), lastIndex: logIndex(9), keptIndex: logIndex(9) };
  return { storeId: STORE, epoch, claims, takesPart: false, isNew: false, ...position, ...shown };
}

const verdictOf = (claim: StoreClaim, record = SEEN): string =>
  new PeerStores([record]).judge(N2, claim, VOTER).verdict;

describe('the claim of a store of which another one was seen, FAILURE-MODES 32', () => {
  const LATER = marks([4, 400], [SEEN_EPOCH, SEEN_MARK], [6, 600]);

  it('is welcome when it is the same, or comes after it', () => {
    expect(verdictOf(claimOf(LATER.slice(0, 2)))).toBe('welcome');
    expect(verdictOf(claimOf(LATER))).toBe('welcome');
  });

  it('is refused when its epoch is smaller', () => {
    expect(verdictOf(claimOf(LATER.slice(0, 1)))).toBe('behind');
  });

  it('is refused when the store was set back, and has come to that epoch again or beyond', () => {
    const again = marks([4, 400], [SEEN_EPOCH, OTHER_MARK], [6, 601], [7, 701]);
    for (const count of [2, 3, 4]) expect(verdictOf(claimOf(again.slice(0, count)))).toBe('behind');
    // Also when its node takes part: others may not have seen what was lost.
    expect(verdictOf(claimOf(again, { takesPart: true }))).toBe('behind');
  });

  it.each([
    ['an earlier term', { term: term(2) }],
    ['less in the same term', { lastIndex: logIndex(8), keptIndex: logIndex(8) }],
  ])('is refused when it shows %s', (_what, shown) => {
    expect(verdictOf(claimOf(LATER, shown))).toBe('behind');
  });

  it('is that of another store under another name, whatever it remembers', () => {
    expect(verdictOf(claimOf(LATER, { storeId: 'another' }))).toBe('replaced');
  });
});

describe('the claim of a voter that is new, where the cluster has been founded', () => {
  const NEW = {
    ...claimOf(marks([1, 100])),
    isNew: true,
    term: term(0),
    lastIndex: logIndex(0),
    keptIndex: logIndex(0),
  };
  const UNUSED: PeerRecord = { ...SEEN, epoch: 1, mark: 100, term: term(0), lastIndex: logIndex(0) };

  it.each([
    ['is welcome where this very store is remembered, unused', 'welcome', [UNUSED]],
    ['is behind where it has been used', 'behind', [{ ...UNUSED, term: term(3) }]],
    ['is that of an unknown one where none is remembered', 'unknown', []],
  ])('%s', (_what, verdict, records) => {
    expect(new PeerStores(records).judge(N2, NEW, VOTER).verdict).toBe(verdict);
  });
});

describe('the claim of a store that does not remember the one that was seen', () => {
  const FAR = marks([SEEN_EPOCH + 100, 1], [SEEN_EPOCH + 101, 2]);

  it('is refused, and the reason is told apart from others', () => {
    const judged = (claim: StoreClaim) => new PeerStores([SEEN]).judge(N2, claim, VOTER);
    expect(judged(claimOf(FAR))).toMatchObject({ verdict: 'behind', isUnplaced: true });
    expect(judged(claimOf(FAR, { term: term(2) }))).toMatchObject({ verdict: 'behind', isUnplaced: false });
    expect(judged(claimOf(FAR, { storeId: 'another' }))).toMatchObject({ verdict: 'replaced', isUnplaced: false });
  });

  it('is welcome when its node takes part, and is what is known from then on', () => {
    const peers = new PeerStores([SEEN]);
    expect(peers.judge(N2, claimOf(FAR, { takesPart: true }), VOTER)).toMatchObject({
      verdict: 'welcome',
      isAnother: false,
    });
    expect(peers.recordOf(N2)).toMatchObject({ epoch: SEEN_EPOCH + 101, mark: 2 });
    expect(verdictOf(claimOf(FAR, { takesPart: true, term: term(2) }))).toBe('behind');
  });

  it('is welcome when no mark is remembered: the numbers decide', () => {
    const unmarked = { ...SEEN, mark: null };
    expect(verdictOf(claimOf(FAR), unmarked)).toBe('welcome');
    expect(verdictOf(claimOf(marks([4, 400])), unmarked)).toBe('behind');
  });
});

describe('what is remembered of a store', () => {
  it('is the mark of the present claim, and is written at once also where only that was missing', () => {
    const peers = new PeerStores([{ ...SEEN, mark: null }]);
    expect(peers.takeDue(0)).toEqual([]);
    peers.judge(N2, claimOf(marks([4, 400], [SEEN_EPOCH, SEEN_MARK])), VOTER);
    expect(peers.takeDue(0)).toEqual([SEEN]);
    expect(peers.takeDue(0)).toEqual([]);
  });

  it('stays the same claim while what it has shown grows', () => {
    const peers = new PeerStores([SEEN]);
    peers.heard(N2, {
      type: 'appendAccepted',
      term: term(3),
      matchIndex: logIndex(12),
      confirmRound: 0,
      wantsCommitNotice: false,
    });
    expect(peers.recordOf(N2)).toEqual({ ...SEEN, lastIndex: logIndex(12) });
  });

  it('goes with its mark to founders that come late, who then judge by it', () => {
    const [told] = new PeerStores([SEEN]).voterStores();
    expect(told).toEqual({ node: N2, storeId: STORE, epoch: SEEN_EPOCH, mark: SEEN_MARK });
    const late = new PeerStores([]);
    late.told(told === undefined ? [] : [told]);
    expect(late.judge(N2, claimOf(marks([SEEN_EPOCH, OTHER_MARK])), VOTER).verdict).toBe('behind');
  });
});

describe('what is remembered of a node that has lost its vote', () => {
  /** At which the node has no vote. */
  const WITHOUT = logIndex(6);
  const CLAIM = claimOf(marks([SEEN_EPOCH, SEEN_MARK]));
  const hasForgotten = (peers: PeerStores): boolean => peers.forgetAllBut([], WITHOUT).includes(N2);

  it('is forgotten, and once more when that membership is applied again after a start', () => {
    expect(hasForgotten(new PeerStores([SEEN]))).toBe(true);
    const afterRestart = new PeerStores([SEEN]);
    afterRestart.judge(N2, CLAIM, { ...VOTER, knownIndex: logIndex(0) });
    expect(hasForgotten(afterRestart)).toBe(true);
  });

  it('stays when the node got a vote again since, and has shown nothing in the present term', () => {
    const peers = new PeerStores([]);
    peers.judge(N2, CLAIM, { ...VOTER, knownIndex: logIndex(7) });
    peers.heard(N2, { type: 'voteResponse', term: term(4), voteGranted: false });
    const afterRestart = new PeerStores(peers.takeAll(0));
    expect(afterRestart.recordOf(N2)).toMatchObject({ term: 4, lastIndex: 0, knownIndex: 7 });
    afterRestart.judge(N2, { ...CLAIM, term: term(4) }, { ...VOTER, knownIndex: logIndex(0) });
    expect(hasForgotten(afterRestart)).toBe(false);
  });

  it('stays when a later membership is known in which it votes, which is written down at once', () => {
    const peers = new PeerStores([SEEN]);
    expect(peers.takeDue(0)).toEqual([]);
    expect(peers.votersAre([N2], logIndex(8))).toEqual([]);
    expect(peers.takeDue(0)).toEqual([{ ...SEEN, knownIndex: 8 }]);
    expect(peers.votersAre([N2], logIndex(5))).toEqual([]);
    expect(hasForgotten(peers)).toBe(false);
  });

  it('is forgotten whatever is known when memberships may be missing', () => {
    expect(new PeerStores([SEEN]).forgetAllBut([], null)).toEqual([N2]);
  });
});
