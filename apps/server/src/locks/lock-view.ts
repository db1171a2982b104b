import type { WireHolder, WireLock, WireQueueEntry, WireQueueSpace } from '@latchkey/contracts';
import type { Clock } from '@latchkey/replica';
import type { KeyRecord, LeaseId, QueueEntry, StateReader } from '@latchkey/state-machine';
import { bytesOfText, textOfBytes } from '../commands/key-text.js';
import type { QueueTimes } from './queue-times.js';

/** Locks in one answer to a listing. */
const MAX_LISTED_LOCKS = 10_000;
const EXCLUSIVE_LIMIT = 1;

/** Locks and elections as people look at them, from this node's applied state. */
export class LockView {
  constructor(
    private readonly reader: StateReader,
    private readonly times: QueueTimes,
    private readonly clock: Clock,
  ) {}

  inspect(space: WireQueueSpace, name: string): WireLock {
    return this.lockOf(space, bytesOfText(name));
  }

  list(space: WireQueueSpace, prefix: string): readonly WireLock[] {
    const names = this.reader.queueNames(space, bytesOfText(prefix));
    return names.slice(0, MAX_LISTED_LOCKS).map((name) => this.lockOf(space, name));
  }

  holder(
    space: WireQueueSpace,
    name: string,
    held: { readonly leaseId: LeaseId; readonly record: KeyRecord },
  ): WireHolder {
    return { ...entryOf(space, held), sinceMs: this.holdsSinceMs(space, name, held) };
  }

  private lockOf(space: WireQueueSpace, name: string): WireLock {
    const entries = this.reader.queue(space, name);
    return {
      name: textOfBytes(name),
      limit: EXCLUSIVE_LIMIT,
      holders: entries.filter(({ holding }) => holding).map((entry) => this.holder(space, name, entry)),
      queue: entries
        .filter(({ holding }) => !holding)
        .map((entry) => ({
          ...entryOf(space, entry),
          position: entry.position,
          waitedMs: this.waitedMs(space, name, entry),
        })),
    };
  }

  private holdsSinceMs(
    space: WireQueueSpace,
    name: string,
    { leaseId, record }: Pick<QueueEntry, 'leaseId' | 'record'>,
  ): number {
    const times = this.times.of({ space, name, leaseId });
    return this.elapsedMs(times?.grantedAtMs ?? times?.enteredAtMs ?? record.updatedAtMs);
  }

  private waitedMs(space: WireQueueSpace, name: string, { leaseId, record }: QueueEntry): number {
    return this.elapsedMs(this.times.of({ space, name, leaseId })?.enteredAtMs ?? record.updatedAtMs);
  }

  private elapsedMs(sinceWallTimeMs: number): number {
    return Math.max(0, Math.round(this.clock.wallTimeMs() - sinceWallTimeMs));
  }
}

function entryOf(space: WireQueueSpace, { leaseId, record }: Pick<QueueEntry, 'leaseId' | 'record'>): WireQueueEntry {
  const owner = space === 'locks' ? ownerOf(record.value) : record.value;
  return { lease: leaseId, owner, mode: 'exclusive', fencingToken: record.createRevision };
}

/** An empty value is how other etcd clients hold a lock; what is not JSON is theirs as well. */
function ownerOf(value: Uint8Array): unknown {
  if (value.byteLength === 0) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && 'owner' in parsed ? (parsed.owner ?? null) : null;
  } catch {
    return null;
  }
}
