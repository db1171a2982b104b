import type { Outcome } from '@latchkey/state-machine';
import type { ClientSession, ClientWorld } from './session.js';

const HOLD_MS = { min: 5, max: 1_500 };
const POLL_MS = 150;
const PATIENCE_MS = { min: 200, max: 6_000 };
/** How often, when that fault is on, a holder is paused for longer than its lease lives. */
const PAUSE_CHANCE = 0.2;
const NO_VALUE = new Uint8Array(0);

export type LockClientOptions = {
  readonly name: string;
  readonly lockCount: number;
  readonly ttlMs: number;
  /** Whether it pauses while it holds. */
  readonly pauses: boolean;
  readonly onGranted: (lock: string, token: number) => void;
};

/** Takes a lock, holds it for a while, gives it back; sometimes gives up waiting, sometimes sleeps while it holds. */
export class LockClient {
  /** The lock it waits for or holds. */
  lock: string | null = null;
  isHolding = false;

  constructor(
    private readonly context: ClientWorld,
    readonly session: ClientSession,
    private readonly options: LockClientOptions,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    while (!isOver()) {
      await world.sleep(random.exponential(200));
      if (isOver()) return;
      if (!this.session.isOpen && !(await this.session.open())) continue;
      this.lock = `locks/${random.integer(1, this.options.lockCount)}`;
      if (await this.acquire(random.between(PATIENCE_MS.min, PATIENCE_MS.max))) await this.hold(isOver);
      await this.leave(false);
      this.lock = null;
    }
  }

  /** Enters the queue and waits for its turn; false when it gave up, or lost its session. */
  private async acquire(patienceMs: number): Promise<boolean> {
    const { world } = this.context;
    const giveUpAtMs = world.nowMs + patienceMs;
    while (this.session.isOpen) {
      const outcome = await this.enter();
      if (outcome?.type === 'acquired') {
        this.options.onGranted(this.lock ?? '', outcome.fencingToken);
        return this.believe();
      }
      if (outcome?.type !== 'queued' && outcome !== null) return false;
      if (world.nowMs >= giveUpAtMs) return false;
      await world.sleep(POLL_MS);
    }
    return false;
  }

  private async hold(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    this.isHolding = true;
    const pauses = this.options.pauses && random.chance(PAUSE_CHANCE);
    // A paused process renews nothing, and does not know that it is paused.
    this.session.isKeptAlive = !pauses;
    const untilMs = world.nowMs + (pauses ? 2 * this.options.ttlMs : random.between(HOLD_MS.min, HOLD_MS.max));
    while (world.nowMs < untilMs && !isOver() && this.believe()) await world.sleep(POLL_MS);
    this.session.isKeptAlive = true;
    this.isHolding = false;
  }

  /** As long as the session lives for sure it holds what it was granted. */
  private believe(): boolean {
    const { leaseId, aliveUntilMs, isOpen } = this.session;
    if (leaseId === null || !isOpen) return false;
    const { world } = this.context;
    world.invariants.lockBelieved({ lock: this.lock ?? '', leaseId, believesUntilMs: aliveUntilMs });
    return true;
  }

  private async enter(): Promise<Outcome | null> {
    const { leaseId } = this.session;
    if (leaseId === null || this.lock === null) return null;
    const name = this.lock.slice('locks/'.length);
    const command = { type: 'queueEnter', space: 'locks', name, leaseId, wait: true, value: NO_VALUE } as const;
    return (await this.session.execute(command))?.outcome ?? null;
  }

  private async leave(onlyIfWaiting: boolean): Promise<void> {
    const { leaseId } = this.session;
    if (leaseId === null || this.lock === null) return;
    const { world } = this.context;
    world.invariants.lockBelieved({ lock: this.lock, leaseId, believesUntilMs: world.nowMs });
    const name = this.lock.slice('locks/'.length);
    await this.session.execute({ type: 'queueLeave', space: 'locks', name, leaseId, onlyIfWaiting });
    // Whether it left is not known when the answer never came: only a new session is free of the old place for sure.
    if (!this.session.isOpen) this.session.close();
  }
}
