import { LatchkeyError, LockHeldError, RevisionMismatchError, SessionLostError, type Latchkey } from '@latchkey/sdk';
import type { Ending } from '@latchkey/linearizability';
import type { Chapter } from './chapter.js';

/** How long a waiter stands in line for a lock that is never held for longer than a few milliseconds. */
const LOCK_WAIT_MS = 2_000;

export type Caller = { readonly client: Latchkey; readonly name: string };

/**
 * A put of a value that nobody else writes, on the condition that the key has this revision (null: on none).
 * @returns whether it was acknowledged
 */
export async function recordedPut(
  { client, name }: Caller,
  chapter: Chapter,
  put: { readonly key: string; readonly value: string; readonly ifRevision: number | null },
): Promise<boolean> {
  const { key, value, ifRevision } = put;
  const invokedAtMs = performance.now();
  const ending = await ended(client.kv.put(key, value, ifRevision === null ? {} : { ifRevision }));
  chapter.operations.push({ type: 'write', client: name, key, value, invokedAtMs, ending });
  if (ending.type === 'ok' && ifRevision !== null) {
    chapter.conditionalPuts.push({ key, expectedRevision: ifRevision, revision: ending.result.revision });
  }
  return ending.type === 'ok';
}

/** @returns the key's revision, 0 when it does not exist, null when there was no answer */
export async function recordedRead({ client, name }: Caller, chapter: Chapter, key: string): Promise<number | null> {
  const invokedAtMs = performance.now();
  // Unlike a get, a range says at which revision it was answered.
  const ending = await ended(client.kv.range({ key }));
  if (ending.type !== 'ok') return null;
  const { returnedAtMs, result } = ending;
  const [entry] = result.entries;
  chapter.operations.push({
    type: 'read',
    client: name,
    key,
    invokedAtMs,
    ending: { type: 'ok', returnedAtMs, result: { revision: result.revision, value: entry?.text() ?? null } },
  });
  return entry?.modRevision ?? 0;
}

/** Acquires, holds for as long as `work` takes, releases. */
export async function recordedHold(
  { client, name }: Caller,
  chapter: Chapter,
  { lock, work }: { readonly lock: string; readonly work: () => Promise<unknown> },
): Promise<void> {
  const record = (input: 'acquire' | { readonly fencingToken: number | null }, times: Times) =>
    chapter.lockOperations.push({
      client: name,
      input:
        input === 'acquire'
          ? { type: 'acquire', lock, holder: name }
          : { type: 'release', lock, holder: name, fencingToken: input.fencingToken },
      ...times,
    });
  const invokedAtMs = performance.now();
  const acquired = await ended(client.lock(lock).acquire({ waitMs: LOCK_WAIT_MS }));
  if (acquired.type !== 'ok') {
    if (acquired.type === 'failed') return;
    // The place in the queue may have been granted, and is given back behind the scenes.
    record('acquire', { invokedAtMs, ending: { type: 'unknown' } });
    record({ fencingToken: null }, { invokedAtMs, ending: { type: 'unknown' } });
    return;
  }
  const { returnedAtMs, result: held } = acquired;
  const { fencingToken } = held;
  record('acquire', {
    invokedAtMs,
    ending: { type: 'ok', returnedAtMs, result: { type: 'acquired', fencingToken } },
  });
  await work();
  const releasedAtMs = performance.now();
  const released = await ended(held.release());
  const isLost = held.signal.reason instanceof SessionLostError;
  if (released.type === 'ok' && !isLost) {
    const ending = { type: 'ok', returnedAtMs: released.returnedAtMs, result: { type: 'released' } } as const;
    record({ fencingToken }, { invokedAtMs: releasedAtMs, ending });
  } else {
    // Lost at some time after the grant, or given back at some time.
    record({ fencingToken }, { invokedAtMs: returnedAtMs, ending: { type: 'unknown' } });
  }
}

type Times = Pick<Chapter['lockOperations'][number], 'invokedAtMs' | 'ending'>;

/** A refusal that says that nothing was done counts as failed: the checkers hold the cluster to that, too. */
async function ended<Result>(call: Promise<Result>): Promise<Ending<Result>> {
  try {
    const result = await call;
    return { type: 'ok', returnedAtMs: performance.now(), result };
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    const didNothing =
      error.retry === 'safe' || error instanceof RevisionMismatchError || error instanceof LockHeldError;
    return didNothing ? { type: 'failed', returnedAtMs: performance.now() } : { type: 'unknown' };
  }
}
