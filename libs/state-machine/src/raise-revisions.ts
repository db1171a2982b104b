import { revision } from './ids.js';
import type { StateMeta } from './section-rows.js';

/**
 * By how much a restore raises the revision, and with it every fencing token to come. The cluster that the backup was of
 * may have gone on afterwards: what it has given out since stays below, unless that was a million million writes (two
 * years of 18,000 a second).
 */
export const RESTORE_REVISION_STEP = 2 ** 40;
/** What must remain above a raised number: as much as the next restore needs. Below 2^53 there is room for 8,190 of them. */
const MAX_RAISED = Number.MAX_SAFE_INTEGER - RESTORE_REVISION_STEP;

/**
 * The state as the first one of another cluster. All history is compacted, so that who asks for an old revision, or for one
 * that only the old cluster has had, is told so. The index is raised as well and the term is another: no entry of the old
 * cluster can ever be taken for one of the new.
 * @returns null when there is no room left below 2^53
 */
export function raiseRevisions(meta: StateMeta): StateMeta | null {
  const { position, hash } = meta;
  const raised = meta.revision + RESTORE_REVISION_STEP;
  const index = position.index + RESTORE_REVISION_STEP;
  const term = position.term + 1;
  if (Math.max(raised, index, term) > MAX_RAISED) return null;
  return { position: { index, term }, revision: revision(raised), compactRevision: revision(raised), hash };
}
