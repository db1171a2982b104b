/** Those who want to hear of one kind of event, in the order in which they came. */
export class Listeners<Event> {
  private readonly listeners = new Set<(event: Event) => void>();

  /** @returns what ends it */
  readonly add = (listener: (event: Event) => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  tell(event: Event): void {
    for (const listener of this.listeners) listener(event);
  }
}
