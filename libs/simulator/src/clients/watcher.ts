import { revision } from '@latchkey/state-machine';
import type { ClientWorld } from './session.js';

const PULL_MS = { min: 20, max: 400 };
const MAX_REVISIONS = 64;

/** Follows all events from the first revision on, now at this node, now at that one. */
export class Watcher {
  private next = revision(2);

  constructor(
    private readonly context: ClientWorld,
    private readonly name: string,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    world.invariants.watchOrder.restarted(this.name, this.next);
    while (!isOver()) {
      await world.sleep(random.between(PULL_MS.min, PULL_MS.max));
      this.pull(random.integer(1, MAX_REVISIONS));
    }
  }

  private pull(maxRevisions: number): void {
    const { world, random, nodes } = this.context;
    const reader = random.pick(nodes).life?.reader;
    if (reader === undefined) return;
    const events = reader.eventsFrom(this.next, maxRevisions);
    if ('type' in events) {
      if (events.code !== 'COMPACTED' || reader.compactRevision < this.next) {
        const message = `${this.name} was refused revision ${this.next} as ${events.code}; compacted was ${reader.compactRevision}`;
        world.violate({ invariant: 'watchOrder', message });
      }
      this.next = revision(reader.compactRevision + 1);
      world.invariants.watchOrder.restarted(this.name, this.next);
      return;
    }
    for (const revisionEvents of events) {
      world.invariants.watched({ watcher: this.name, events: revisionEvents });
      this.next = revision(revisionEvents.revision + 1);
    }
  }
}
