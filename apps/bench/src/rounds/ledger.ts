import type { Operation } from '@latchkey/linearizability';
import type { KvEntry } from '@latchkey/sdk';

type Page = { readonly key: string; revision: number; value: string | null; readonly possibleValues: Set<string> };

/**
 * Per key the latest acknowledged put, and the values whose puts nobody answered: what every node has to show for as long as
 * the cluster lives, through all later rounds.
 */
export class Ledger {
  private readonly pages = new Map<string, Page>();
  private readonly seen = new WeakSet<Operation>();

  get size(): number {
    return this.pages.size;
  }

  /** May be called again with the same ones and more. */
  enter(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.type !== 'write' || operation.value === null || this.seen.has(operation)) continue;
      this.seen.add(operation);
      const page = this.page(operation.key);
      if (operation.ending.type === 'unknown') page.possibleValues.add(operation.value);
      if (operation.ending.type !== 'ok') continue;
      const { revision } = operation.ending.result;
      if (revision > page.revision) Object.assign(page, { revision, value: operation.value });
    }
  }

  /** @returns what is wrong with what a node shows, told for a person */
  problems(entries: readonly KvEntry[]): readonly string[] {
    const shown = new Map(entries.map((entry) => [entry.key, entry]));
    const problems: string[] = [];
    for (const page of this.pages.values()) {
      const problem = problemOf(page, shown.get(page.key));
      if (problem !== null) problems.push(problem);
    }
    for (const key of shown.keys()) {
      if (!this.pages.has(key)) problems.push(`nobody wrote ${key}`);
    }
    return problems;
  }

  private page(key: string): Page {
    const known = this.pages.get(key);
    if (known !== undefined) return known;
    const page: Page = { key, revision: 0, value: null, possibleValues: new Set() };
    this.pages.set(key, page);
    return page;
  }
}

function problemOf({ key, revision, value, possibleValues }: Page, shown: KvEntry | undefined): string | null {
  if (shown === undefined) return revision === 0 ? null : `${key} is gone; revision ${revision} was acknowledged`;
  const text = shown.text();
  if (shown.modRevision < revision)
    return `${key} is at revision ${shown.modRevision}; ${revision} was acknowledged with ${value}`;
  const isRight = shown.modRevision === revision ? text === value : possibleValues.has(text);
  return isRight ? null : `${key} has "${text}" at revision ${shown.modRevision}, after "${value}" at ${revision}`;
}
