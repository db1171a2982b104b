import type { ClientCore, Lock } from '@latchkey/sdk-core';
import type { LockBelief } from '../invariants/client-beliefs.js';
import { SdkClient, type ClientWorld } from './sdk-client.js';

const HOLD_MS = { min: 5, max: 1_500 };
const LOOK_MS = 150;
const PATIENCE_MS = { min: 200, max: 6_000 };
const MEAN_THINK_MS = 200;
/** How often, when that fault is on, a holder is paused for longer than its lease lives. */
const PAUSE_CHANCE = 0.2;
/** How often a waiter is called back by its own program. */
const ABORT_CHANCE = 0.15;
/** How often it tries once and does not wait. */
const TRY_CHANCE = 0.15;

export type LockClientOptions = {
  readonly lockCount: number;
  /** Whether it pauses while it holds. */
  readonly pauses: boolean;
  readonly onGranted: () => void;
};

/** Takes a lock, holds it for a while, gives it back; sometimes gives up waiting, sometimes stands still while it holds. */
export class LockClient {
  private held: Lock | null = null;

  constructor(
    private readonly context: ClientWorld,
    readonly sdk: SdkClient,
    private readonly options: LockClientOptions,
  ) {}

  /** The lock that the SDK says it holds, now. */
  get belief(): LockBelief | null {
    const { held, sdk } = this;
    if (held === null) return null;
    return {
      client: sdk.options.name,
      lock: `locks/${held.name}`,
      fencingToken: held.fencingToken,
      remainingMs: held.remainingMs,
      toleranceMs: sdk.toleranceMs,
      isPaused: sdk.machine.process.paused,
      isAborted: held.signal.aborted,
    };
  }

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    while (!isOver()) {
      await world.sleep(random.exponential(MEAN_THINK_MS));
      const core = isOver() ? null : await this.sdk.opened();
      if (core === null) continue;
      this.held = await this.acquired(core, String(random.integer(1, this.options.lockCount)));
      if (this.held === null) continue;
      this.options.onGranted();
      await this.hold(this.held, isOver);
      await this.giveBack(this.held);
      this.held = null;
    }
    await this.sdk.close();
  }

  /** Null when it gave up. */
  private async acquired(core: ClientCore, name: string): Promise<Lock | null> {
    const { world, random } = this.context;
    const waitMs = random.chance(TRY_CHANCE) ? 0 : Math.round(random.between(PATIENCE_MS.min, PATIENCE_MS.max));
    const abort = random.chance(ABORT_CHANCE) ? new AbortController() : null;
    if (abort !== null) {
      const { machine } = this.sdk;
      world.queue.schedule(world.nowMs + random.between(0, waitMs), () =>
        machine.process.run(() => abort.abort(CALLED_BACK)),
      );
    }
    try {
      const options = abort === null ? { waitMs } : { waitMs, signal: abort.signal };
      return await SdkClient.faceOf(core).lock(name).acquire(options);
    } catch (error) {
      if (error !== CALLED_BACK) {
        this.sdk.expect(error, ['LOCK_HELD', 'LOCK_WAIT_TIMEOUT', 'UNAVAILABLE', 'OVERLOADED', 'CLIENT_CLOSED']);
      }
      return null;
    }
  }

  private async hold(lock: Lock, isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    const { machine, options } = this.sdk;
    const pauses = this.options.pauses && random.chance(PAUSE_CHANCE);
    const holdMs = pauses ? 2 * options.sessionTtlMs : random.between(HOLD_MS.min, HOLD_MS.max);
    const untilMs = world.nowMs + holdMs;
    if (pauses) {
      machine.process.pause();
      world.queue.schedule(untilMs, () => machine.process.resume());
    }
    // A paused program looks again when it goes on.
    while (world.nowMs <= untilMs && !isOver() && !lock.signal.aborted) await world.sleep(LOOK_MS);
    if (machine.process.paused) await world.sleep(untilMs - world.nowMs);
  }

  private async giveBack(lock: Lock): Promise<void> {
    try {
      await lock.release();
    } catch (error) {
      this.sdk.expect(error, ['UNAVAILABLE', 'OVERLOADED', 'OUTCOME_UNKNOWN']);
    }
  }
}

const CALLED_BACK = new Error('called back');
