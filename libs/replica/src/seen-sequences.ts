import type { Term } from '@latchkey/raft';
import { MAX_INCARNATIONS_PER_TERM, SEEN_WINDOW_SEQUENCES } from './limits.js';

const BITS_PER_WORD = 32;

/** The sequences of one origin that have arrived: the newest ones one by one, everything older as "seen". */
class SeenWindow {
  private readonly words = new Uint32Array(SEEN_WINDOW_SEQUENCES / BITS_PER_WORD);
  private highest = -1;

  /** Gives false for one that has arrived before, or is too old to tell. */
  add(sequence: number): boolean {
    if (sequence > this.highest) this.advanceTo(sequence);
    else if (sequence <= this.highest - SEEN_WINDOW_SEQUENCES) return false;
    const bit = sequence % SEEN_WINDOW_SEQUENCES;
    const wordIndex = Math.floor(bit / BITS_PER_WORD);
    const mask = 1 << (bit % BITS_PER_WORD);
    const word = this.words[wordIndex] ?? 0;
    if ((word & mask) !== 0) return false;
    this.words[wordIndex] = word | mask;
    return true;
  }

  private advanceTo(sequence: number): void {
    if (this.highest < 0 || sequence - this.highest >= SEEN_WINDOW_SEQUENCES) this.words.fill(0);
    else for (let cleared = this.highest + 1; cleared <= sequence; cleared += 1) this.clear(cleared);
    this.highest = sequence;
  }

  private clear(sequence: number): void {
    const bit = sequence % SEEN_WINDOW_SEQUENCES;
    const wordIndex = Math.floor(bit / BITS_PER_WORD);
    this.words[wordIndex] = (this.words[wordIndex] ?? 0) & ~(1 << (bit % BITS_PER_WORD));
  }
}

/**
 * Forwarded proposals that the latest leadership of this process has taken or refused. The network may repeat a message; a
 * proposal is judged once. It is enough to remember one term: an envelope names the term whose leader it is for.
 */
export class SeenSequences {
  private term: Term | 0 = 0;
  private readonly byIncarnation = new Map<number, SeenWindow>();

  /** This process leads from here on. */
  begin(term: Term): void {
    this.term = term;
    this.byIncarnation.clear();
  }

  /**
   * Gives false for a proposal that must be ignored: a repeat, or one that can not be told from a repeat, as when it is for
   * a leadership before the latest one of this process, or of a process before.
   */
  add(term: number, incarnation: number, sequence: number): boolean {
    if (term !== this.term) return false;
    let window = this.byIncarnation.get(incarnation);
    if (window === undefined) {
      // Forgetting an old run to make room could let a repeat of it through.
      if (this.byIncarnation.size >= MAX_INCARNATIONS_PER_TERM) return false;
      window = new SeenWindow();
      this.byIncarnation.set(incarnation, window);
    }
    return window.add(sequence);
  }
}
