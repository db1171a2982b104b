import { MAX_KEPT_CLAIMS, MAX_REMEMBERED_CLAIMS } from './limits.js';
import type { ClaimMark } from './ports/identity-store.js';

/** As a store has it; `isKept`: see `IdentityStore.keepClaim`. */
export type RememberedClaim = ClaimMark & { readonly isKept: boolean };

/** What a store that remembers `claims` does once it was claimed again; see `StoreIdentity.claims`. */
export function rememberedClaims(claims: readonly RememberedClaim[], latest: ClaimMark): readonly RememberedClaim[] {
  const all = [...claims, { ...latest, isKept: false }];
  const kept = new Set(all.filter(({ isKept }) => isKept).slice(-MAX_KEPT_CLAIMS));
  return all.filter((claim, place) => place >= all.length - MAX_REMEMBERED_CLAIMS || kept.has(claim));
}

/** Null when the claim of that epoch is not among these. */
export function markOf(claims: readonly ClaimMark[], epoch: number): number | null {
  return claims.find((claim) => claim.epoch === epoch)?.mark ?? null;
}
