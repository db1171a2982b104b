import type { KeyEvent, RevisionEvents } from '@latchkey/state-machine';
import type { AppliedFact, Invariant, Report, SeenEvent, WatchFact } from './invariant.js';

type Follower = { readonly prefix: string; nextRevision: number };

/**
 * Every watcher sees every revision that touches what it watches once, in order, whole, and just as it was applied, on
 * whichever node it goes on. A watcher that was told COMPACTED says from where it goes on.
 * Source: FAILURE-MODES 46, 47; TESTING invariant 14.
 */
export class WatchOrder implements Invariant {
  readonly name = 'watchOrder';
  /** By revision. */
  private readonly revisions: RevisionEvents[] = [];
  private readonly followers = new Map<string, Follower>();

  constructor(private readonly report: Report) {}

  applied({ isFirst, result }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const events of result.revisions) this.revisions[events.revision] = events;
  }

  /** `watcher` goes on from `nextRevision`. */
  restarted(watcher: string, follower: Follower): void {
    this.followers.set(watcher, { ...follower });
  }

  watched({ watcher, revision, events }: WatchFact): void {
    const follower = this.followers.get(watcher);
    if (follower === undefined) return this.report(`${watcher} was given revision ${revision} and follows nothing`);
    let expected = follower.nextRevision;
    while (expected < revision && this.matching(expected, follower.prefix).length === 0) expected += 1;
    if (revision !== expected) this.report(`${watcher} was given revision ${revision} where ${expected} follows`);
    follower.nextRevision = revision + 1;
    const applied = this.matching(revision, follower.prefix);
    const isSame = applied.length === events.length && applied.every((event, place) => isAs(event, events[place]));
    if (!isSame) this.report(`${watcher} was given other events of revision ${revision} than were applied`);
  }

  private matching(revision: number, prefix: string): readonly KeyEvent[] {
    const { events } = this.revisions[revision] ?? { events: [] };
    return events.filter((event) => keyOf(event).startsWith(prefix));
  }
}

const keyOf = (event: KeyEvent): string => (event.type === 'put' ? event.record.key : event.key);

function isAs(event: KeyEvent, seen: SeenEvent | undefined): boolean {
  if (seen === undefined || keyOf(event) !== seen.key) return false;
  if (event.type === 'delete' || seen.put === null) return event.type === 'delete' && seen.put === null;
  const { value, version } = event.record;
  return version === seen.put.version && areEqual(value, seen.put.value);
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && one.every((byte, index) => byte === other[index]);
}
