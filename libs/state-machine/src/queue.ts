import type { KeyRecord } from './key-record.js';
import type { QueuePlace } from './queue-key.js';

/** A key that holds or waits. */
export type QueueMember = {
  readonly place: QueuePlace;
  readonly queue: Queue;
  record: KeyRecord;
  /** Once true it stays so until the key leaves: nobody can enter in front of a holder. */
  holding: boolean;
  before: QueueMember | null;
  after: QueueMember | null;
};

/** The members of one queue in the order of their `createRevision`: a linked list, so that anyone leaves in O(1). */
export class Queue {
  #head: QueueMember | null = null;
  #tail: QueueMember | null = null;
  #size = 0;

  get head(): QueueMember | null {
    return this.#head;
  }

  get tail(): QueueMember | null {
    return this.#tail;
  }

  get size(): number {
    return this.#size;
  }

  append(place: QueuePlace, record: KeyRecord): QueueMember {
    const member: QueueMember = { place, queue: this, record, holding: false, before: null, after: null };
    this.#link(member);
    this.#size += 1;
    return member;
  }

  remove(member: QueueMember): void {
    if (member.before === null) this.#head = member.after;
    else member.before.after = member.after;
    if (member.after === null) this.#tail = member.before;
    else member.after.before = member.before;
    this.#size -= 1;
  }

  /** For members that were appended in any order. False when two of them were created in one revision. */
  sort(): boolean {
    const members = [...this.members()].sort((left, right) => left.record.createRevision - right.record.createRevision);
    this.#head = null;
    this.#tail = null;
    let lastEntered = 0;
    for (const member of members) {
      const { createRevision } = member.record;
      if (createRevision === lastEntered) return false;
      lastEntered = createRevision;
      this.#link(member);
    }
    return true;
  }

  /** 0 for the front. Counts along the queue: for one answer, not for a loop. */
  positionOf(member: QueueMember): number {
    let position = 0;
    for (let other = member.before; other !== null; other = other.before) position += 1;
    return position;
  }

  *members(): IterableIterator<QueueMember> {
    for (let member = this.#head; member !== null; member = member.after) yield member;
  }

  /** Behind all others. */
  #link(member: QueueMember): void {
    member.before = this.#tail;
    member.after = null;
    if (this.#tail === null) this.#head = member;
    else this.#tail.after = member;
    this.#tail = member;
  }
}
