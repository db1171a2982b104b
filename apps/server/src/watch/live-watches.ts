import { contains, isSingleKey, type KeyEvent, type KeyRange, type RevisionEvents } from '@latchkey/state-machine';
import type { Watch } from './watch.js';

/** Watches that want the same: they are matched once and share their messages. */
export type WatchGroup = {
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  readonly watches: Set<Watch>;
  /** Gathered by `match`, in order. */
  matched: { readonly revision: number; readonly events: KeyEvent[] }[];
};

/** Watches that have caught up, found by the keys that they want. */
export class LiveWatches {
  private readonly groups = new Map<string, WatchGroup>();
  private readonly byKey = new Map<string, Set<WatchGroup>>();
  private readonly ranges = new Set<WatchGroup>();

  get isEmpty(): boolean {
    return this.groups.size === 0;
  }

  *all(): IterableIterator<Watch> {
    for (const group of this.groups.values()) yield* group.watches;
  }

  add(watch: Watch): void {
    const id = groupId(watch);
    const known = this.groups.get(id);
    if (known !== undefined) {
      known.watches.add(watch);
      return;
    }
    const group: WatchGroup = {
      range: watch.range,
      withPrevious: watch.withPrevious,
      watches: new Set([watch]),
      matched: [],
    };
    this.groups.set(id, group);
    if (!isSingleKey(group.range)) this.ranges.add(group);
    else {
      const others = this.byKey.get(group.range.start);
      if (others === undefined) this.byKey.set(group.range.start, new Set([group]));
      else others.add(group);
    }
  }

  remove(watch: Watch): void {
    const id = groupId(watch);
    const group = this.groups.get(id);
    if (group?.watches.delete(watch) !== true || group.watches.size > 0) return;
    this.groups.delete(id);
    this.ranges.delete(group);
    const sameKey = this.byKey.get(group.range.start);
    sameKey?.delete(group);
    if (sameKey?.size === 0) this.byKey.delete(group.range.start);
  }

  /** The groups that something in `batch` concerns, each with what it wants of it. The caller empties `matched`. */
  match(batch: readonly RevisionEvents[]): ReadonlySet<WatchGroup> {
    const touched = new Set<WatchGroup>();
    for (const { revision, events } of batch) {
      for (const event of events) {
        const key = event.type === 'put' ? event.record.key : event.key;
        const take = (group: WatchGroup): void => {
          touched.add(group);
          const last = group.matched.at(-1);
          if (last?.revision === revision) last.events.push(event);
          else group.matched.push({ revision, events: [event] });
        };
        this.byKey.get(key)?.forEach(take);
        for (const group of this.ranges) if (contains(group.range, key)) take(group);
      }
    }
    return touched;
  }
}

// A byte string holds no character above 255.
const groupId = ({ range, withPrevious }: Watch): string =>
  `${withPrevious ? 1 : 0}${range.start}\u0100${range.end ?? '\u0101'}`;
