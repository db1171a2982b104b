import { InvariantViolation } from '@latchkey/raft';
import type { StateChanges, StateRow, StateRowChange } from '@latchkey/replica';

/** What one statement carries: little enough for the event loop to be free again soon, enough to be worth a round trip. */
export const MAX_STATEMENT_ROWS = 1_000;
export const MAX_STATEMENT_BYTES = 256 * 1024;

/** Puts pages of any size together, or cuts them, without asking for a page before it is needed. One row is never cut. */
export function* batchesOf<Row extends StateRow | StateRowChange>(pages: Iterable<readonly Row[]>): Iterable<Row[]> {
  let batch: Row[] = [];
  let byteCount = 0;
  for (const page of pages) {
    for (const row of page) {
      batch.push(row);
      byteCount += row.key.byteLength + (row.value?.byteLength ?? 0);
      if (batch.length < MAX_STATEMENT_ROWS && byteCount < MAX_STATEMENT_BYTES) continue;
      yield batch;
      batch = [];
      byteCount = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** The pages of a state machine. What goes wrong there is no failure of the database, and trying again would not help. */
export function* pagesFrom(changes: StateChanges): StateChanges {
  try {
    yield* changes;
  } catch (cause) {
    throw new InvariantViolation('the state machine could not give the rows of a checkpoint', { cause });
  }
}
