import { checkRows } from './corrupt-state-rows.js';
import type { LeaseId } from './ids.js';
import { MAX_ENDED_LEASES } from './limits.js';
import {
  decodeLeaseIdValue,
  decodeLeaseKey,
  decodeNumberedKey,
  leaseIdValue,
  metaRow,
  numberedKey,
  type StateMeta,
} from './section-rows.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { attachmentOf } from './version-rows.js';

/** Finds, in all rows of a state, the keys that are attached to a lease. */
export class AttachedKeys {
  /** Keys that some version had attached, and whether the newest has. */
  readonly #keys = new Map<string, boolean>();

  /** Rows in key order: the versions of a key come oldest first. */
  note(rows: readonly StateRow[]): void {
    for (const row of rows) {
      if (row.key[0] !== SECTIONS.versions) continue;
      const { key, isAttached } = attachmentOf(row);
      if (isAttached || this.#keys.has(key)) this.#keys.set(key, isAttached);
    }
  }

  has(key: string): boolean {
    return this.#keys.get(key) === true;
  }
}

/**
 * Makes of the rows of a state, which stand in a backup, those of the first state of a new cluster. Every lease has ended
 * there, and with it its session and its keys: a client of the old cluster must not renew what it holds there and take
 * that for a lock that it was granted after the backup. Everything else is as it was.
 */
export class NewClusterRows {
  readonly #meta: StateMeta;
  readonly #attached: AttachedKeys;
  readonly #ended: LeaseId[] = [];
  readonly #leases: LeaseId[] = [];
  #firstEndedNumber: number | null = null;
  #isPastLeases = false;

  /**
   * @param meta that of the backup, raised
   * @param attached has seen all rows of the backup
   */
  constructor(meta: StateMeta, attached: AttachedKeys) {
    this.#meta = meta;
    this.#attached = attached;
  }

  /** What takes the place of the next rows, in key order like them. @throws CorruptStateRows, MalformedCommandBatch */
  take(rows: readonly StateRow[]): readonly StateRow[] {
    const taken: StateRow[] = [];
    for (const row of rows) this.#add(row, taken);
    return taken;
  }

  /** What comes after the last rows. */
  finish(): readonly StateRow[] {
    const taken: StateRow[] = [];
    this.#endLeases(taken);
    return taken;
  }

  #add(row: StateRow, taken: StateRow[]): void {
    const [section = 0] = row.key;
    if (section > SECTIONS.endedLeases) this.#endLeases(taken);
    switch (section) {
      case SECTIONS.meta:
        taken.push(metaRow(this.#meta));
        return;
      case SECTIONS.leases:
        this.#leases.push(decodeLeaseKey(row.key));
        return;
      case SECTIONS.endedLeases:
        this.#firstEndedNumber ??= decodeNumberedKey(row.key);
        this.#ended.push(decodeLeaseIdValue(row.value));
        return;
      case SECTIONS.versions:
        if (!this.#attached.has(attachmentOf(row).key)) taken.push(row);
        return;
      case SECTIONS.idempotencyKeys:
        taken.push(row);
        return;
      case SECTIONS.sessions:
      case SECTIONS.sessionOutcomes:
        return;
      default:
        checkRows(false, `a row of the unknown section ${section}`);
    }
  }

  /** As many ended ones as a state remembers: the last. */
  #endLeases(taken: StateRow[]): void {
    if (this.#isPastLeases) return;
    this.#isPastLeases = true;
    const ended = [...this.#ended, ...this.#leases];
    const first = this.#firstEndedNumber ?? 0;
    for (let at = Math.max(0, ended.length - MAX_ENDED_LEASES); at < ended.length; at += 1) {
      const leaseId = ended[at];
      if (leaseId !== undefined)
        taken.push({ key: numberedKey(SECTIONS.endedLeases, first + at), value: leaseIdValue(leaseId) });
    }
  }
}
