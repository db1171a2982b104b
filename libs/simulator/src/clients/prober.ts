import type { ClientCore, Lock } from '@latchkey/sdk-core';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import { DataClient } from './data-client.js';
import type { HistoryRecorder } from './history-recorder.js';
import { SdkClient, type ClientWorld } from './sdk-client.js';

const WAITERS = 3;
const LOOK_MS = 10;

type Opened = { readonly sdk: SdkClient; readonly core: ClientCore };

/** Asks whether the cluster does its work now: what the liveness phase must see. */
export class Prober {
  private attempts = 0;
  private clientCount = 0;
  private readonly clients: SdkClient[] = [];

  constructor(
    private readonly context: ClientWorld,
    private readonly history: HistoryRecorder,
    private readonly parts: {
      readonly newClient: (number: number) => SdkClient;
      /** Where to go, at the moment. */
      readonly nodeIds: () => readonly string[];
    },
  ) {}

  /** A fresh write and a linearizable read; tries until it works. */
  async writeAndRead(): Promise<boolean> {
    const { sdk, core } = await this.opened();
    const client = new DataClient(this.context, sdk, { keyCount: 1, thinkMs: 0, history: this.history });
    const key = `${UNIQUE_VALUES_PREFIX}liveness`;
    while (!(await client.write(core, key, this.history.nextValue()))) await this.context.world.sleep(LOOK_MS);
    while (!(await client.read(core, key))) await this.context.world.sleep(LOOK_MS);
    return true;
  }

  /** Several wait for one lock; each gets it when the one before has left, and not earlier. Tries until it works. */
  async takesLocksInOrder(): Promise<boolean> {
    while (!(await this.takeTurns())) await this.context.world.sleep(LOOK_MS);
    return true;
  }

  /** Ends the sessions, so that nothing is left of them. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** False also when a session was lost on the way. */
  private async takeTurns(): Promise<boolean> {
    this.attempts += 1;
    const name = `liveness${this.attempts}`;
    const turns: { readonly lock: Promise<Lock | null>; isGranted: boolean }[] = [];
    for (let place = 0; place < WAITERS; place += 1) {
      const { sdk, core } = await this.opened();
      const turn = { lock: this.acquire(sdk, core, name), isGranted: false };
      void turn.lock.then((lock) => (turn.isGranted = lock !== null));
      turns.push(turn);
      const leaseId = core.session?.id ?? '';
      // The next one enters when this one has its place.
      if (!(await this.isThere(core, `locks/${name}/${leaseId}`))) return false;
    }
    for (const [place, { lock }] of turns.entries()) {
      const granted = await lock;
      if (granted === null || turns.slice(place + 1).some(({ isGranted }) => isGranted)) return false;
      try {
        await granted.release();
      } catch {
        return false;
      }
    }
    return true;
  }

  private async acquire(sdk: SdkClient, core: ClientCore, name: string): Promise<Lock | null> {
    try {
      return await SdkClient.faceOf(core).lock(name).acquire();
    } catch (error) {
      sdk.expect(error, ['UNAVAILABLE', 'OVERLOADED', 'CLIENT_CLOSED']);
      return null;
    }
  }

  /** False when its client's session has gone meanwhile. */
  private async isThere(core: ClientCore, key: string): Promise<boolean> {
    const { session } = core;
    while (core.session === session) {
      try {
        if ((await core.requests.call({ op: 'get', key })).record !== null) return true;
      } catch {
        // Asked again.
      }
      await this.context.world.sleep(LOOK_MS);
    }
    return false;
  }

  private async opened(): Promise<Opened> {
    for (;;) {
      this.clientCount += 1;
      const sdk = this.parts.newClient(this.clientCount);
      this.clients.push(sdk);
      const core = await sdk.opened(this.parts.nodeIds());
      if (core !== null) return { sdk, core };
      await this.context.world.sleep(LOOK_MS);
    }
  }
}
