import { logIndex, term, type Membership, type SnapshotMeta } from '@latchkey/raft';
import type {
  CheckpointStore,
  CheckpointView,
  SnapshotStaging,
  StateChanges,
  StateRow,
  StateRowChange,
} from '@latchkey/replica';
import { MAX_READ_ROWS } from '@latchkey/replica';
import { expectSame, expectThat } from '../expectations.js';
import { append, bytesOf, commands, N1, N2, N3 } from '../log-store/log-samples.js';
import type { NodeStores } from './checkpoint-store-place.js';

/** Small enough for several pages in most stories. */
export const PAGE_BYTES = 64;

export const VOTERS: Membership = { voters: [N1, N2, N3], votersOutgoing: [], learners: [] };

export function snapshotMeta(index: number, entryTerm = 1, membership = VOTERS): SnapshotMeta {
  return { index: logIndex(index), term: term(entryTerm), membership };
}

export function row(key: string, seed: number, byteCount = 8): StateRow {
  return { key: keyOf(key), value: bytesOf(seed, byteCount) };
}

export function removed(key: string): StateRowChange {
  return { key: keyOf(key), value: null };
}

export function keyOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `count` rows in key order. */
export function rows(count: number, seed: number, byteCount = 8): StateRow[] {
  return Array.from({ length: count }, (_, at) => row(`key/${String(at).padStart(6, '0')}`, seed + at, byteCount));
}

/** Changes in pages, which can be gone through again. */
export function changesOf(...pages: (readonly StateRowChange[])[]): StateChanges {
  return pages;
}

/** Cuts a list into pages of `size`. */
export function pagesOf<Item>(items: readonly Item[], size: number): Item[][] {
  const pages: Item[][] = [];
  for (let start = 0; start < items.length; start += size) pages.push(items.slice(start, start + size));
  return pages;
}

/** Appends the entries up to `lastIndex`, which checkpoints need. */
export async function fillLog({ logStore }: Pick<NodeStores, 'logStore'>, lastIndex: number): Promise<void> {
  await logStore.persist(append(...commands(1, lastIndex, 1)));
}

/** The rows of the latest checkpoint; read one by one they are the same. */
export async function savedRows(checkpoints: CheckpointStore, pageBytes = PAGE_BYTES): Promise<StateRow[]> {
  const view = await openedView(checkpoints);
  const all = await restOf(view, pageBytes);
  await view.close();
  for (const part of pagesOf(all, MAX_READ_ROWS)) {
    const values = await checkpoints.readRows(part.map(({ key }) => key));
    expectSame(
      values,
      part.map(({ value }) => value),
      'what single rows hold',
    );
  }
  return all;
}

export async function openedView(checkpoints: CheckpointStore): Promise<CheckpointView> {
  const view = await checkpoints.openView();
  expectThat(view !== null, 'there is a checkpoint to be viewed');
  return view;
}

export async function restOf(view: CheckpointView, pageBytes = PAGE_BYTES): Promise<StateRow[]> {
  const all: StateRow[] = [];
  for (let page = await view.nextPage(pageBytes); page !== null; page = await view.nextPage(pageBytes)) {
    expectThat(page.length > 0, 'a page that is not the end has rows');
    all.push(...page);
  }
  return all;
}

export async function staged(
  checkpoints: CheckpointStore,
  snapshot: SnapshotMeta,
  pages: readonly (readonly StateRow[])[],
): Promise<SnapshotStaging> {
  const staging = await checkpoints.stageSnapshot(snapshot);
  for (const page of pages) await staging.append(page);
  return staging;
}
