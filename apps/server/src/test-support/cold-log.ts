import { key, StateMachine, type Command } from '@latchkey/state-machine';
import { LocalLog } from '../../../../libs/lessor/src/test-support/local-log.js';

/** Long enough to leave memory when it is old. */
const VALUE_BYTES = 100;

/** A log of one node and the rows of its last checkpoint: what is in them is not in memory. */
export class ColdLog extends LocalLog {
  override readonly machine = new StateMachine({ maxHotHistoryBytes: 0 });
  readonly rows = new Map<string, Uint8Array>();
  /** How many keys each look into the rows was for. */
  readonly lookups: number[] = [];
  /** Set: looks into the rows wait for it, and fail if it does. */
  gate: Promise<void> = Promise.resolve();

  put(name: string, value = this.machine.revision + 1): void {
    this.apply([putCommand(name, value)]);
  }

  save(): void {
    for (const page of this.machine.takeChanges()) {
      for (const row of page) {
        const name = nameOf(row.key);
        if (row.value === null) this.rows.delete(name);
        else this.rows.set(name, row.value);
      }
    }
    this.machine.changesSaved(this.machine.lastApplied);
    // Values leave memory with the entries that follow, little by little.
    while (this.machine.hotHistoryBytes > 0) this.apply([]);
  }

  readonly readRows = async (keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> => {
    this.lookups.push(keys.length);
    await this.gate;
    return keys.map((name) => this.rows.get(nameOf(name)) ?? null);
  };
}

export const nameOf = (row: Uint8Array): string => Buffer.from(row).toString('hex');

/** The value that `putCommand` gives a key. */
export const longValue = (number: number): Uint8Array => new Uint8Array(VALUE_BYTES).fill(number);

export const putCommand = (name: string, value: number): Command => ({
  type: 'put',
  key: key(name),
  value: longValue(value),
  leaseId: null,
  expectedModRevision: null,
  wantPrevious: false,
  keepValue: false,
  keepLease: false,
});
