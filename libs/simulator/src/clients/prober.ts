import type { Outcome } from '@latchkey/state-machine';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import { DataClient } from './data-client.js';
import type { HistoryRecorder } from './history-recorder.js';
import type { ClientSession, ClientWorld } from './session.js';

const LOCK = 'liveness';
const WAITERS = 3;
const NO_VALUE = new Uint8Array(0);

/** Asks whether the cluster does its work now: what the liveness phase must see. */
export class Prober {
  private attempts = 0;

  constructor(
    private readonly context: ClientWorld,
    private readonly history: HistoryRecorder,
    private readonly newSession: (number: number) => ClientSession,
  ) {}

  /** A fresh write and a linearizable read; tries until it works. */
  async writeAndRead(): Promise<boolean> {
    const session = await this.openSession(0);
    const client = new DataClient(this.context, session, {
      name: 'p0',
      keyCount: 1,
      thinkMs: 0,
      history: this.history,
    });
    const key = `${UNIQUE_VALUES_PREFIX}liveness`;
    while (!(await client.write(key, this.history.nextValue()))) await this.context.world.sleep(10);
    while (!(await client.read(key))) await this.context.world.sleep(10);
    return true;
  }

  /** Several wait for one lock; each gets it when the one before has left, and not earlier. Tries until it works. */
  async takesLocksInOrder(): Promise<boolean> {
    while (!(await this.takeTurns())) await this.context.world.sleep(10);
    return true;
  }

  /** False also when a session was lost on the way. */
  private async takeTurns(): Promise<boolean> {
    this.attempts += 1;
    const sessions: ClientSession[] = [];
    for (let number = 1; number <= WAITERS; number += 1) {
      const session = await this.openSession(this.attempts * WAITERS + number);
      const outcome = await this.enter(session);
      if ((outcome?.type === 'acquired') !== (number === 1)) return false;
      sessions.push(session);
    }
    for (const [position, session] of sessions.entries()) {
      if ((await this.enter(session))?.type !== 'acquired') return false;
      const next = sessions[position + 1];
      if (next !== undefined && (await this.enter(next))?.type !== 'queued') return false;
      if ((await this.leave(session))?.type !== 'queueLeft') return false;
    }
    return true;
  }

  private async openSession(number: number): Promise<ClientSession> {
    const session = this.newSession(number);
    while (!(await session.open())) await this.context.world.sleep(10);
    return session;
  }

  private async enter(session: ClientSession): Promise<Outcome | null> {
    const { leaseId } = session;
    if (leaseId === null) return null;
    const command = {
      type: 'queueEnter',
      space: 'locks',
      name: `${LOCK}${this.attempts}`,
      leaseId,
      wait: true,
      value: NO_VALUE,
    } as const;
    return (await session.execute(command))?.outcome ?? null;
  }

  private async leave(session: ClientSession): Promise<Outcome | null> {
    const { leaseId } = session;
    if (leaseId === null) return null;
    const command = {
      type: 'queueLeave',
      space: 'locks',
      name: `${LOCK}${this.attempts}`,
      leaseId,
      onlyIfWaiting: false,
    } as const;
    return (await session.execute(command))?.outcome ?? null;
  }
}
