import type { LeaseId } from './ids.js';
import { MAX_SESSION_OUTCOMES, MAX_SESSION_OUTCOME_BYTES } from './limits.js';
import { outcomeBytes } from './outcome-bytes.js';
import type { Outcome } from './outcomes.js';

type Session = {
  acknowledgedThrough: number;
  readonly outcomes: Map<number, Outcome>;
  heldBytes: number;
};

/**
 * What each session's commands were answered, until the client has said that it knows. A session is a lease and ends
 * with it. An outcome keeps the records it answers with (previous versions, ranges) alive beyond compaction until it is
 * acknowledged; both their number and their bytes are limited. Source: Raft dissertation §6.3, FAILURE-MODES 38.
 */
export class Sessions {
  readonly #sessions = new Map<LeaseId, Session>();

  /** The outcome of an earlier attempt; null when there was none; 'acknowledged' when it is not kept any more. */
  recall(leaseId: LeaseId, sequence: number): Outcome | 'acknowledged' | null {
    const session = this.#sessions.get(leaseId);
    if (sequence <= (session?.acknowledgedThrough ?? 0)) return 'acknowledged';
    return session?.outcomes.get(sequence) ?? null;
  }

  isFull(leaseId: LeaseId): boolean {
    const session = this.#sessions.get(leaseId);
    if (session === undefined) return false;
    return session.outcomes.size >= MAX_SESSION_OUTCOMES || session.heldBytes >= MAX_SESSION_OUTCOME_BYTES;
  }

  remember(leaseId: LeaseId, sequence: number, outcome: Outcome): void {
    const session = this.#open(leaseId);
    session.outcomes.set(sequence, outcome);
    session.heldBytes += outcomeBytes(outcome);
  }

  /** Forgets the outcomes up to and including `sequence`. False when that had been done before. */
  acknowledge(leaseId: LeaseId, sequence: number): boolean {
    const session = this.#open(leaseId);
    if (sequence <= session.acknowledgedThrough) return false;
    const step = sequence - session.acknowledgedThrough;
    if (step <= session.outcomes.size) {
      for (let each = session.acknowledgedThrough + 1; each <= sequence; each += 1) forget(session, each);
    } else {
      // The client names any number it likes: never count up to it.
      for (const each of session.outcomes.keys()) if (each <= sequence) forget(session, each);
    }
    session.acknowledgedThrough = sequence;
    return true;
  }

  end(leaseId: LeaseId): void {
    this.#sessions.delete(leaseId);
  }

  #open(leaseId: LeaseId): Session {
    const known = this.#sessions.get(leaseId);
    if (known !== undefined) return known;
    const session: Session = { acknowledgedThrough: 0, outcomes: new Map(), heldBytes: 0 };
    this.#sessions.set(leaseId, session);
    return session;
  }
}

function forget(session: Session, sequence: number): void {
  const outcome = session.outcomes.get(sequence);
  if (outcome === undefined) return;
  session.outcomes.delete(sequence);
  session.heldBytes -= outcomeBytes(outcome);
}
