import { checkByRevision, checkLocksBySearch, checkRegistersBySearch } from '@latchkey/linearizability';
import type { Chapter } from './chapter.js';

/** @returns every way in which the complete history of a chapter is not what was promised, told for a person */
export function problemsOfChapter(chapter: Chapter): readonly string[] {
  const { operations, applied, lockOperations } = chapter;
  return [
    ...checkByRevision({ operations, applied }).map(({ rule, message }) => `${rule}: ${message}`),
    // The second opinion trusts no revision: only what the clients saw, key by key. Giving up counts as a problem.
    ...checkRegistersBySearch(operations).findings.map(({ message }) => message),
    ...checkLocksBySearch(lockOperations).findings.map(({ message }) => message),
    ...problemsOfConditions(chapter),
  ];
}

/** An acknowledged conditional put follows, among its key's changes, upon exactly the revision that it named. */
function problemsOfConditions({ conditionalPuts, applied }: Chapter): readonly string[] {
  const before = new Map<string, number>();
  const latest = new Map<string, number>();
  for (const { key, revision } of applied) {
    before.set(`${key}@${revision}`, latest.get(key) ?? 0);
    latest.set(key, revision);
  }
  return conditionalPuts.flatMap(({ key, expectedRevision, revision }) => {
    const replaced = before.get(`${key}@${revision}`);
    if (replaced === expectedRevision) return [];
    return [
      `the put of ${key} at ${revision} replaced revision ${String(replaced)}, on condition of ${expectedRevision}`,
    ];
  });
}
