import { key, singleKey, type Command, type Outcome, type PutOperation } from '@latchkey/state-machine';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import { bytesOf, textOf, type HistoryRecorder } from './history-recorder.js';
import type { ClientSession, ClientWorld } from './session.js';

/** What the clients of a run do, as parts of one. */
const MIX = { put: 0.4, read: 0.35, compareAndSet: 0.15 } as const;

export type DataClientOptions = {
  readonly name: string;
  readonly keyCount: number;
  readonly thinkMs: number;
  readonly history: HistoryRecorder;
};

/** Reads and writes a few keys, one operation at a time, and records what it saw. */
export class DataClient {
  private lastSeen: { readonly key: string; readonly value: string } | null = null;

  constructor(
    private readonly context: ClientWorld,
    private readonly session: ClientSession,
    private readonly options: DataClientOptions,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    while (!isOver()) {
      await world.sleep(random.exponential(this.options.thinkMs));
      if (isOver()) return;
      if (!this.session.isOpen && !(await this.session.open())) continue;
      await this.operate();
    }
  }

  private async operate(): Promise<void> {
    const { random } = this.context;
    const name = `${UNIQUE_VALUES_PREFIX}${random.integer(1, this.options.keyCount)}`;
    const dice = random.next();
    if (dice < MIX.put) await this.write(name, this.options.history.nextValue());
    else if (dice < MIX.put + MIX.read) await this.read(name);
    else if (dice < MIX.put + MIX.read + MIX.compareAndSet) await this.compareAndSet();
    else await this.write(name, null);
  }

  /** A put, or with null a delete. */
  async write(name: string, value: string | null): Promise<boolean> {
    const command: Command =
      value === null
        ? { type: 'delete', range: singleKey(key(name)), expectedModRevision: null, wantPrevious: false }
        : putOf(name, value);
    return this.recordWrite(name, value, command, (outcome) => {
      if (outcome.type === 'put') return outcome.revision;
      return outcome.type === 'deleted' && outcome.deletedCount > 0 ? outcome.revision : null;
    });
  }

  async read(name: string): Promise<boolean> {
    const { world } = this.context;
    const invokedAtMs = world.nowMs;
    const answer = await this.session.ask(async (life) => {
      await life.replica.readBarrier();
      const record = life.reader.get(key(name));
      return { revision: life.reader.revision, value: record === null ? null : textOf(record.value) };
    });
    const { history } = this.options;
    const asked = { type: 'read', client: this.options.name, key: name, invokedAtMs } as const;
    if (answer === null) {
      history.record({ ...asked, ending: { type: 'unknown' } });
      return false;
    }
    const result = answer.value;
    if (result.value !== null) this.lastSeen = { key: name, value: result.value };
    history.record({ ...asked, ending: { type: 'ok', returnedAtMs: world.nowMs, result } });
    return true;
  }

  /** Writes if the value is still the one that was read last. */
  private async compareAndSet(): Promise<void> {
    const seen = this.lastSeen;
    if (seen === null) return;
    const value = this.options.history.nextValue();
    const command: Command = {
      type: 'transaction',
      comparisons: [
        { range: singleKey(key(seen.key)), result: 'equal', target: 'value', operand: bytesOf(seen.value) },
      ],
      success: [putOf(seen.key, value)],
      failure: [],
    };
    await this.recordWrite(seen.key, value, command, (outcome) =>
      outcome.type === 'transaction' && outcome.succeeded ? outcome.revision : null,
    );
  }

  /** @param revisionOf where the write stands by its outcome; null when it changed nothing */
  private async recordWrite(
    name: string,
    value: string | null,
    command: Command,
    revisionOf: (outcome: Outcome) => number | null,
  ): Promise<boolean> {
    const { world } = this.context;
    const invokedAtMs = world.nowMs;
    const applied = await this.session.execute(command);
    const returnedAtMs = world.nowMs;
    const write = { type: 'write', client: this.options.name, key: name, value, invokedAtMs } as const;
    const { history } = this.options;
    if (applied === null) {
      history.record({ ...write, ending: { type: 'unknown' } });
      return false;
    }
    const revision = revisionOf(applied.outcome);
    if (revision === null) history.record({ ...write, ending: { type: 'failed', returnedAtMs } });
    else history.record({ ...write, ending: { type: 'ok', returnedAtMs, result: { revision } } });
    return revision !== null;
  }
}

export function putOf(name: string, value: string): PutOperation {
  return {
    type: 'put',
    key: key(name),
    value: bytesOf(value),
    leaseId: null,
    expectedModRevision: null,
    wantPrevious: false,
    keepValue: false,
    keepLease: false,
  };
}
