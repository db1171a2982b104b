import type { RevisionEvents } from '@latchkey/state-machine';
import type { AppliedFact, Invariant, Report, WatchFact } from './invariant.js';

/**
 * Every watcher sees every revision once, in order, whole, and just as it was applied, on whichever node it goes on.
 * A watcher that was told COMPACTED says from where it goes on. Source: FAILURE-MODES 46, 47; TESTING invariant 14.
 */
export class WatchOrder implements Invariant {
  readonly name = 'watchOrder';
  private readonly fingerprints = new Map<number, string>();
  private readonly nextRevision = new Map<string, number>();

  constructor(private readonly report: Report) {}

  applied({ isFirst, result }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const events of result.revisions) this.fingerprints.set(events.revision, fingerprintOf(events));
  }

  /** `watcher` goes on from `revision`. */
  restarted(watcher: string, revision: number): void {
    this.nextRevision.set(watcher, revision);
  }

  watched({ watcher, events }: WatchFact): void {
    const expected = this.nextRevision.get(watcher) ?? events.revision;
    if (events.revision !== expected) {
      this.report(`${watcher} was given revision ${events.revision} where ${expected} follows`);
    }
    this.nextRevision.set(watcher, events.revision + 1);
    const fingerprint = this.fingerprints.get(events.revision);
    if (fingerprint !== fingerprintOf(events)) {
      this.report(`${watcher} was given other events of revision ${events.revision} than were applied`);
    }
  }
}

function fingerprintOf({ events }: RevisionEvents): string {
  return events
    .map((event) =>
      event.type === 'put'
        ? `+${event.record.key}=${String.fromCharCode(...event.record.value)}@${event.record.version}`
        : `-${event.key}`,
    )
    .join();
}
