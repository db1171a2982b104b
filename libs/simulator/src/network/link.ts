/** How messages travel from one node to another, in this direction. */
export type LinkBehaviour = {
  readonly latencyMs: () => number;
  readonly dropRate: number;
  readonly duplicateRate: number;
  /** Messages may overtake each other. */
  readonly reorders: boolean;
};

/** One direction between two nodes. */
export class Link {
  /** Nothing gets through. */
  isBlocked = false;
  /** Everything that is sent waits until this time. */
  cloggedUntilMs = 0;
  private lastArrivalMs = 0;

  arrivalMs(nowMs: number, behaviour: LinkBehaviour): number {
    const arrival = Math.max(nowMs, this.cloggedUntilMs) + behaviour.latencyMs();
    if (behaviour.reorders) return arrival;
    this.lastArrivalMs = Math.max(arrival, this.lastArrivalMs);
    return this.lastArrivalMs;
  }
}
