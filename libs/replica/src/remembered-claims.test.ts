import { describe, expect, it } from 'vitest';
import { MAX_KEPT_CLAIMS, MAX_REMEMBERED_CLAIMS } from './limits.js';
import { markOf, rememberedClaims, type RememberedClaim } from './remembered-claims.js';

const MANY = 200;

/** Claims 1, 2, 3 …; of these, `isKept` says which the node has taken part by. */
function claimed(count: number, isKept: (epoch: number) => boolean): readonly RememberedClaim[] {
  let claims: readonly RememberedClaim[] = [];
  for (let epoch = 1; epoch <= count; epoch += 1) {
    claims = rememberedClaims(claims, { epoch, mark: epoch * 10 });
    if (isKept(epoch)) claims = claims.map((claim) => (claim.epoch === epoch ? { ...claim, isKept: true } : claim));
  }
  return claims;
}

const epochs = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, place) => from + place);

describe('the claims that a store remembers', () => {
  it('are all of them as long as they are few', () => {
    const claims = claimed(MAX_REMEMBERED_CLAIMS, () => false);
    expect(claims.map(({ epoch }) => epoch)).toEqual(epochs(1, MAX_REMEMBERED_CLAIMS));
    expect([markOf(claims, 3), markOf(claims, MAX_REMEMBERED_CLAIMS + 1)]).toEqual([30, null]);
  });

  it('are the latest ones afterwards, the same number whether they were kept or not', () => {
    const latest = epochs(MANY - MAX_REMEMBERED_CLAIMS + 1, MANY);
    expect(claimed(MANY, () => false).map(({ epoch }) => epoch)).toEqual(latest);
    expect(claimed(MANY, () => true).map(({ epoch }) => epoch)).toEqual(latest);
  });

  it('are also the latest of those that were kept, however long ago that was', () => {
    const latest = epochs(MANY - MAX_REMEMBERED_CLAIMS + 1, MANY);
    const lastKept = MAX_KEPT_CLAIMS + 4;
    const kept = epochs(lastKept - MAX_KEPT_CLAIMS + 1, lastKept);
    expect(claimed(MANY, (epoch) => epoch <= lastKept).map(({ epoch }) => epoch)).toEqual([...kept, ...latest]);
  });
});
