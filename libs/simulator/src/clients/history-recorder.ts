import type { AppliedWrite, History, Operation, WriteOperation } from '@latchkey/linearizability';
import type { RevisionEvents } from '@latchkey/state-machine';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import { textOf } from './text-bytes.js';

type WithoutEnding<Kind extends Operation> = Omit<Kind, 'ending'>;

/** Some values are so long that nodes take them out of memory when they are old. */
const LONG_VALUE_EVERY = 2;
const LONG_VALUE_BYTES = 72;

/** What clients did and saw, and what was applied, for the check at the end. */
export class HistoryRecorder {
  private readonly operations: Operation[] = [];
  private readonly writes: AppliedWrite[] = [];
  /** Begun, and not ended yet: nobody knows. */
  private readonly begun = new Set<Operation>();
  private valueCount = 0;

  /** Never given twice. */
  nextValue(): string {
    this.valueCount += 1;
    const value = `v${this.valueCount}`;
    return this.valueCount % LONG_VALUE_EVERY === 0 ? value.padEnd(LONG_VALUE_BYTES, '.') : value;
  }

  get operationCount(): number {
    return this.operations.length;
  }

  get acknowledgedCount(): number {
    return this.operations.filter(({ ending }) => ending.type === 'ok').length;
  }

  /** For an operation whose end may never be told. Gives what to call when it is. */
  begin(operation: WithoutEnding<WriteOperation>): (ending: WriteOperation['ending']) => void {
    const unknown: WriteOperation = { ...operation, ending: { type: 'unknown' } };
    this.begun.add(unknown);
    return (ending) => {
      this.begun.delete(unknown);
      this.record({ ...operation, ending });
    };
  }

  record(operation: Operation): void {
    this.operations.push(operation);
  }

  applied(revisions: readonly RevisionEvents[]): void {
    for (const { revision, events } of revisions) {
      for (const event of events) {
        const key = event.type === 'put' ? event.record.key : event.key;
        if (!key.startsWith(UNIQUE_VALUES_PREFIX)) continue;
        this.writes.push({ revision, key, value: event.type === 'put' ? textOf(event.record.value) : null });
      }
    }
  }

  get history(): History {
    return { operations: [...this.operations, ...this.begun], applied: this.writes };
  }
}
