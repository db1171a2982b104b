import type { LogEntry } from '@latchkey/raft';
import type { PersistBatch } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import { append, command, commands, durableState, hardState, N3, replaceFrom } from './log-samples.js';
import { onNewPlace, type LogStoreFactory } from './log-store-place.js';

/** Two batches, of the entries 1 to 5 and 6 to 9. */
const FIRST_BATCH = append(...commands(1, 5, 1));
const SECOND_BATCH = append(...commands(6, 9, 1));

/** A conflicting tail is dropped (Raft §5.3). */
export const truncationChecks: readonly ConformanceCheck<LogStoreFactory>[] = [
  check('a truncation where a batch begins drops that batch', [replaceFrom(6)], commands(1, 5, 1)),
  check('a truncation inside a batch keeps the part before it', [replaceFrom(3)], commands(1, 2, 1)),
  check('a truncation inside the last batch keeps the part before it', [replaceFrom(8)], commands(1, 7, 1)),
  check('a truncation from the first entry leaves an empty log', [replaceFrom(1)], []),
  check('a truncation behind the end drops nothing', [replaceFrom(10)], commands(1, 9, 1)),
  check(
    'truncation and append in one persist replace the tail',
    [replaceFrom(4, ...commands(4, 11, 2))],
    [...commands(1, 3, 1), ...commands(4, 11, 2)],
  ),
  check('a whole log can be replaced in one persist', [replaceFrom(1, command(1, 3))], [command(1, 3)]),
  check(
    'a replaced tail can itself be cut inside and continued',
    [replaceFrom(4, ...commands(4, 8, 2)), replaceFrom(6, command(6, 3)), append(command(7, 3))],
    [...commands(1, 3, 1), ...commands(4, 5, 2), command(6, 3), command(7, 3)],
  ),
  check(
    'what was truncated stays away when the log grows past it again',
    [replaceFrom(2), append(...commands(2, 4, 2)), append(...commands(5, 12, 3))],
    [command(1, 1), ...commands(2, 4, 2), ...commands(5, 12, 3)],
  ),
  {
    name: 'hard state, truncation and append of one persist are durable together',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(FIRST_BATCH);
        await store.persist({ ...replaceFrom(5, command(5, 6), command(6, 6)), hardState: hardState(6, N3) });
        const { durable } = await place.restart();
        const entries = [...commands(1, 4, 1), command(5, 6), command(6, 6)];
        expectSame(durable, durableState(hardState(6, N3), entries), 'the state after a restart');
      }),
  },
];

function check(
  name: string,
  batches: readonly PersistBatch[],
  expected: readonly LogEntry[],
): ConformanceCheck<LogStoreFactory> {
  return {
    name,
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        for (const batch of [FIRST_BATCH, SECOND_BATCH, ...batches]) await store.persist(batch);
        const { durable } = await place.restart();
        expectSame(durable.entries, expected, 'the log after a restart');
      }),
  };
}
