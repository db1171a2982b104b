import type { QueueSpace } from './commands.js';
import type { KeyEvent, QueueGrant } from './events.js';
import type { Key, LeaseId } from './ids.js';
import { checkRows } from './corrupt-state-rows.js';
import { StateInvariantViolation } from './invariant.js';
import { KeyIndex } from './key-index.js';
import { KeyMap } from './key-map.js';
import { prefixRange } from './key-range.js';
import type { KeyRecord } from './key-record.js';
import { longestCompatiblePrefix } from './queue-holders.js';
import { parseQueueKey, queueKey, unpaddedQueueKey, type QueuePlace } from './queue-key.js';
import { Queue, type QueueMember } from './queue.js';

const NO_GRANTS: readonly QueueGrant[] = [];

/** Take a millisecond or two, unless they are all in one queue. */
const MEMBERS_PER_STEP = 2_048;

/**
 * Locks and elections, derived from the key space: a key `<space>/<name>/<lease>` that is attached to that very lease
 * stands in the queue, whoever wrote it. It enters when it is created and leaves when it is deleted or detached, so a
 * queue only ever grows at its end.
 */
export class Queues {
  readonly #members = new KeyMap<string, QueueMember>();
  readonly #queues: Record<QueueSpace, KeyMap<string, Queue>> = { locks: new KeyMap(), elections: new KeyMap() };
  readonly #names: Record<QueueSpace, KeyIndex<string>> = { locks: new KeyIndex(), elections: new KeyIndex() };
  readonly #touched = new Set<Queue>();

  queue(space: QueueSpace, name: string): Queue | null {
    return this.#queues[space].get(name) ?? null;
  }

  /** Whoever holds and came first. */
  holder(space: QueueSpace, name: string): QueueMember | null {
    return this.queue(space, name)?.head ?? null;
  }

  /** Where the lease stands; the older place when both spellings of its key are there. */
  find(place: QueuePlace): QueueMember | null {
    const padded = this.#members.get(queueKey(place)) ?? null;
    if (!place.leaseId.startsWith('0')) return padded;
    const unpadded = this.#members.get(unpaddedQueueKey(place)) ?? null;
    if (padded === null || unpadded === null) return padded ?? unpadded;
    return padded.record.createRevision < unpadded.record.createRevision ? padded : unpadded;
  }

  /** The place that the key stands in, or will stand in once it is attached to `leaseId`. */
  placeOf(key: Key, leaseId: LeaseId): QueuePlace | null {
    const place = parseQueueKey(key);
    return place?.leaseId === leaseId ? place : null;
  }

  names(space: QueueSpace, prefix: string): readonly string[] {
    return this.#names[space].keys(prefixRange(prefix), 0);
  }

  /** Takes part in a change of the key space. The grants follow from `settle`, after the last event of the revision. */
  follow(event: KeyEvent): void {
    const record = event.type === 'put' ? event.record : null;
    const leaseId = record?.leaseId ?? null;
    const previousLeaseId = event.previous?.leaseId ?? null;
    if (leaseId === null && previousLeaseId === null) return;
    const key = record?.key ?? event.previous?.key ?? '';
    const member = this.#members.get(key);
    if (member === undefined) {
      if (record !== null && leaseId !== null) this.#enter(record, leaseId);
    } else if (record !== null && leaseId === member.place.leaseId) member.record = record;
    else this.#leave(key, member);
  }

  /** Whoever became a holder by the revision's events, each told once. */
  settle(): readonly QueueGrant[] {
    if (this.#touched.size === 0) return NO_GRANTS;
    const grants: QueueGrant[] = [];
    for (const queue of this.#touched) {
      for (const { place, record } of newHolders(queue)) {
        grants.push({ ...place, fencingToken: record.createRevision });
      }
    }
    this.#touched.clear();
    return grants;
  }

  /** As `follow`, for a key of a restored state. They may come in any order, until `settleRestored`. */
  enterRestored(record: KeyRecord, leaseId: LeaseId): void {
    const place = this.placeOf(record.key, leaseId);
    if (place !== null && this.#members.get(record.key) === undefined) this.#append(place, record);
  }

  /**
   * Puts those in order who have entered, and makes holders of those in front, step by step. Nobody ever enters in front
   * of a holder, so whoever held before holds again.
   * @throws CorruptStateRows
   */
  *settleRestored(): Generator<undefined, void> {
    let inStep = 0;
    for (const queue of this.#touched) {
      checkRows(queue.sort(), `two keys of one queue were created in one revision: ${queue.head?.place.name ?? ''}`);
      newHolders(queue);
      inStep += queue.size;
      if (inStep < MEMBERS_PER_STEP) continue;
      inStep = 0;
      yield;
    }
    this.#touched.clear();
  }

  #enter(record: KeyRecord, leaseId: LeaseId): void {
    const place = this.placeOf(record.key, leaseId);
    if (place === null) return;
    const lastEntered = this.#queues[place.space].get(place.name)?.tail?.record.createRevision ?? 0;
    if (record.createRevision <= lastEntered) {
      throw new StateInvariantViolation(`${record.key} would pass those who entered before it`);
    }
    this.#append(place, record);
  }

  #append(place: QueuePlace, record: KeyRecord): void {
    const queue = this.#queueFor(place);
    this.#members.set(record.key, queue.append(place, record));
    this.#touched.add(queue);
  }

  #leave(key: string, member: QueueMember): void {
    const { queue, place } = member;
    queue.remove(member);
    this.#members.delete(key);
    this.#touched.add(queue);
    if (queue.size > 0) return;
    this.#queues[place.space].delete(place.name);
    this.#names[place.space].delete(place.name);
  }

  #queueFor(place: QueuePlace): Queue {
    const known = this.#queues[place.space].get(place.name);
    if (known !== undefined) return known;
    const queue = new Queue();
    this.#queues[place.space].set(place.name, queue);
    this.#names[place.space].add(place.name);
    return queue;
  }
}

/** Makes holders of those who can hold and do not yet. */
function newHolders(queue: Queue): readonly QueueMember[] {
  const members = longestCompatiblePrefix(queue.members()).filter(({ holding }) => !holding);
  for (const member of members) member.holding = true;
  return members;
}
