import { hasCode, type ClientCore } from '@latchkey/sdk-core';
import type { SeenEvent } from '../invariants/invariant.js';
import { SdkClient, type ClientWorld } from './sdk-client.js';

const FIRST_REVISION = 2;
/** How often, per event, a reader stops reading for a while. */
const STOP_CHANCE = 0.005;
const STOP_MS = { min: 100, max: 5_000 };

/** Follows all events under a prefix from the first revision on, through whichever node the SDK finds. */
export class Watcher {
  private nextRevision = FIRST_REVISION;
  /** Events of the revision that is being told. */
  private gathered: SeenEvent[] = [];
  private gatheredRevision = 0;

  constructor(
    private readonly context: ClientWorld,
    readonly sdk: SdkClient,
    private readonly prefix: string,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    this.restart(FIRST_REVISION);
    while (!isOver()) {
      const core = await this.sdk.opened();
      if (core !== null) await this.follow(core, isOver);
    }
    await this.sdk.close();
  }

  private async follow(core: ClientCore, isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    const { kv } = SdkClient.faceOf(core);
    const stopped = new AbortController();
    const look = (): void => {
      if (isOver()) stopped.abort();
      else world.queue.schedule(world.nowMs + LOOK_MS, look);
    };
    look();
    try {
      const events = kv.watch({ prefix: this.prefix }, { fromRevision: this.nextRevision, signal: stopped.signal });
      for await (const { key, revision, entry } of events) {
        this.take(revision, { key, put: entry === null ? null : { version: entry.version, value: entry.value } });
        if (!isOver() && random.chance(STOP_CHANCE)) await world.sleep(random.between(STOP_MS.min, STOP_MS.max));
      }
    } catch (error) {
      this.ended(error);
    }
  }

  /** Only the next revision shows that all events of the one before were there. */
  private take(revision: number, event: SeenEvent): void {
    if (revision !== this.gatheredRevision) this.hand();
    this.gatheredRevision = revision;
    this.gathered.push(event);
  }

  private hand(): void {
    if (this.gathered.length === 0) return;
    const { invariants } = this.context.world;
    invariants.watched({ watcher: this.sdk.options.name, revision: this.gatheredRevision, events: this.gathered });
    this.nextRevision = this.gatheredRevision + 1;
    this.gathered = [];
  }

  private ended(error: unknown): void {
    if (!hasCode(error, 'COMPACTED')) return void this.sdk.expect(error, ['UNAVAILABLE', 'CLIENT_CLOSED']);
    this.hand();
    const compactRevision = Number(error.details['compactRevision']);
    // At or below what has been told: the watch need not have ended.
    if (!(compactRevision >= this.nextRevision)) {
      const message = `${this.sdk.options.name} was refused ${this.nextRevision}; compacted was ${compactRevision}`;
      this.context.world.violate({ invariant: 'watchOrder', message });
    }
    this.restart(compactRevision + 1);
  }

  private restart(nextRevision: number): void {
    this.nextRevision = nextRevision;
    const { invariants } = this.context.world;
    invariants.watchOrder.restarted(this.sdk.options.name, { prefix: this.prefix, nextRevision });
  }
}

const LOOK_MS = 500;
