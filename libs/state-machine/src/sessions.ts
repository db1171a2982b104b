import { ChangedRows } from './changed-rows.js';
import type { LeaseId } from './ids.js';
import { MAX_SESSION_OUTCOMES, MAX_SESSION_OUTCOME_BYTES } from './limits.js';
import { outcomeBytes } from './outcome-bytes.js';
import { encodeOutcome } from './outcome-encoder.js';
import type { Outcome } from './outcomes.js';
import { partCount } from './row-parts.js';

type Session = {
  readonly leaseId: LeaseId;
  acknowledgedThrough: number;
  /** Outcomes by sequence that are in no rows given out yet, and those that are. No sequence is in both. */
  fresh: Map<number, Outcome>;
  given: Map<number, Outcome>;
  /** Rows that were given out and must go. */
  gone: GoneOutcome[];
  heldBytes: number;
};

/** Rows of one outcome that are gone: its parts from `fromPart` to before `toPart`. */
export type GoneOutcome = {
  readonly leaseId: LeaseId;
  readonly sequence: number;
  readonly fromPart: number;
  readonly toPart: number;
};

/** Rows to write and to delete. */
export type SessionChanges = {
  /** `acknowledgedThrough` null: the session is gone. */
  readonly sessions: readonly { readonly leaseId: LeaseId; readonly acknowledgedThrough: number | null }[];
  readonly gone: readonly GoneOutcome[];
  readonly outcomes: readonly {
    readonly leaseId: LeaseId;
    readonly sequence: number;
    readonly outcome: Outcome;
  }[];
};

/** Stands for no outcomes; nothing is ever put into it. */
const NO_OUTCOMES = new Map<number, Outcome>();

/**
 * What each session's commands were answered, until the client has said that it knows. A session is a lease and ends
 * with it. An outcome keeps the records it answers with (previous versions, ranges) alive beyond compaction until it is
 * acknowledged; both their number and their bytes are limited. Source: Raft dissertation §6.3, FAILURE-MODES 38.
 */
export class Sessions {
  readonly #sessions = new Map<LeaseId, Session>();
  /** Those with fresh outcomes or rows that must go. */
  readonly #touched = new Set<Session>();
  readonly #changedRows = new ChangedRows<LeaseId>();
  #goneWithSessions: GoneOutcome[] = [];

  /** The outcome of an earlier attempt; null when there was none; 'acknowledged' when it is not kept any more. */
  recall(leaseId: LeaseId, sequence: number): Outcome | 'acknowledged' | null {
    const session = this.#sessions.get(leaseId);
    if (sequence <= (session?.acknowledgedThrough ?? 0)) return 'acknowledged';
    return session?.fresh.get(sequence) ?? session?.given.get(sequence) ?? null;
  }

  isFull(leaseId: LeaseId): boolean {
    const session = this.#sessions.get(leaseId);
    if (session === undefined) return false;
    return heldOutcomes(session) >= MAX_SESSION_OUTCOMES || session.heldBytes >= MAX_SESSION_OUTCOME_BYTES;
  }

  remember(leaseId: LeaseId, sequence: number, outcome: Outcome): void {
    const session = this.#open(leaseId);
    if (session.fresh.size === 0) this.#touched.add(session);
    session.fresh.set(sequence, outcome);
    session.heldBytes += outcomeBytes(outcome);
  }

  /** Forgets the outcomes up to and including `sequence`. False when that had been done before. */
  acknowledge(leaseId: LeaseId, sequence: number): boolean {
    const session = this.#open(leaseId);
    if (sequence <= session.acknowledgedThrough) return false;
    if (session.acknowledgedThrough === 0) this.#changedRows.created(leaseId);
    else this.#changedRows.changed(leaseId);
    const step = sequence - session.acknowledgedThrough;
    if (step <= heldOutcomes(session)) {
      for (let each = session.acknowledgedThrough + 1; each <= sequence; each += 1) forget(session, each);
    } else {
      // The client names any number it likes: never count up to it.
      for (const each of [...session.fresh.keys(), ...session.given.keys()])
        if (each <= sequence) forget(session, each);
    }
    if (session.gone.length > 0) this.#touched.add(session);
    session.acknowledgedThrough = sequence;
    return true;
  }

  end(leaseId: LeaseId): void {
    const session = this.#sessions.get(leaseId);
    if (session === undefined) return;
    this.#sessions.delete(leaseId);
    this.#touched.delete(session);
    if (session.acknowledgedThrough > 0) this.#changedRows.deleted(leaseId);
    for (const sequence of session.given.keys()) forget(session, sequence);
    for (const gone of session.gone) this.#goneWithSessions.push(gone);
  }

  /** What has changed since the last call, at the cost of that. */
  takeChanges(): SessionChanges {
    const sessions = this.#changedRows.take().map((leaseId) => {
      const acknowledgedThrough = this.#sessions.get(leaseId)?.acknowledgedThrough ?? 0;
      return { leaseId, acknowledgedThrough: acknowledgedThrough > 0 ? acknowledgedThrough : null };
    });
    const gone = this.#goneWithSessions.map((each) => this.#unlessThereAgain(each));
    this.#goneWithSessions = [];
    const outcomes: { leaseId: LeaseId; sequence: number; outcome: Outcome }[] = [];
    for (const session of this.#touched) {
      const { leaseId, fresh } = session;
      for (const each of session.gone) gone.push(each);
      session.gone = [];
      for (const [sequence, outcome] of fresh) outcomes.push({ leaseId, sequence, outcome });
      if (session.given.size === 0) session.given = fresh;
      else for (const [sequence, outcome] of fresh) session.given.set(sequence, outcome);
      session.fresh = new Map();
    }
    this.#touched.clear();
    return { sessions, gone, outcomes };
  }

  /** A session may have come back under the id of one that ended, with the same sequence: those rows are not gone. */
  #unlessThereAgain(gone: GoneOutcome): GoneOutcome {
    const again = this.#sessions.get(gone.leaseId)?.fresh.get(gone.sequence);
    return again === undefined ? gone : { ...gone, fromPart: partsOf(again) };
  }

  #open(leaseId: LeaseId): Session {
    const known = this.#sessions.get(leaseId);
    if (known !== undefined) return known;
    const session: Session = {
      leaseId,
      acknowledgedThrough: 0,
      fresh: new Map(),
      given: NO_OUTCOMES,
      gone: [],
      heldBytes: 0,
    };
    this.#sessions.set(leaseId, session);
    return session;
  }
}

function forget(session: Session, sequence: number): void {
  const { leaseId, fresh, given } = session;
  const outcome = fresh.get(sequence) ?? given.get(sequence);
  if (outcome === undefined) return;
  session.heldBytes -= outcomeBytes(outcome);
  if (fresh.delete(sequence)) return;
  given.delete(sequence);
  session.gone.push({ leaseId, sequence, fromPart: 0, toPart: partsOf(outcome) });
}

const heldOutcomes = (session: Session): number => session.fresh.size + session.given.size;

const partsOf = (outcome: Outcome): number => partCount((sink) => encodeOutcome(sink, outcome));
