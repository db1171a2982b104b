/**
 * Which things differ from their rows that were given out last. What came and went in between leaves no trace, so this
 * never holds more than what lives and what was given out.
 */
export class ChangedRows<Id> {
  /** Whether there is a row that was given out. */
  readonly #changed = new Map<Id, boolean>();

  created(id: Id): void {
    if (!this.#changed.has(id)) this.#changed.set(id, false);
  }

  changed(id: Id): void {
    if (!this.#changed.has(id)) this.#changed.set(id, true);
  }

  deleted(id: Id): void {
    if (this.#changed.get(id) === false) this.#changed.delete(id);
    else this.#changed.set(id, true);
  }

  /** What has changed; from now on its rows count as given out. */
  take(): readonly Id[] {
    const taken = [...this.#changed.keys()];
    this.#changed.clear();
    return taken;
  }
}
