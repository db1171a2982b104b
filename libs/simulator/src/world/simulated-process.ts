/** One life of a process: it can be paused (keeps its memory, loses time) and crashed (nothing it does counts any more). */
export class SimulatedProcess {
  isAlive = true;
  /** Called before anything else when a pause ends. */
  onResume: () => void = () => undefined;
  private isPaused = false;
  private held: (() => void)[] = [];
  private callsUntilCrash = Infinity;

  /** @param onCrash what must happen outside when an armed crash strikes */
  constructor(
    private readonly schedule: (run: () => void) => void,
    private readonly onCrash: () => void,
  ) {}

  get paused(): boolean {
    return this.isPaused;
  }

  /** Everything that reaches the process comes through here: at once, after the pause, or never. */
  run(callback: () => void): void {
    if (!this.isAlive) return;
    if (this.isPaused) this.held.push(callback);
    else callback();
  }

  pause(): void {
    this.isPaused = true;
  }

  /** What had come meanwhile is taken in order, as from the buffers of sockets. */
  resume(): void {
    this.isPaused = false;
    this.onResume();
    const { held } = this;
    this.held = [];
    for (const callback of held) this.schedule(() => this.run(callback));
  }

  crash(): void {
    this.isAlive = false;
    this.held = [];
  }

  /** Crashes at the `calls`-th call of any port from now on: in the middle of a turn, between two effects. */
  crashAfterPortCalls(calls: number): void {
    this.callsUntilCrash = calls;
  }

  /**
   * Every port asks this first. False when the process is dead: its code may still run to the end of the turn, but
   * nothing of it reaches the world, which is the same as having stopped here.
   */
  portCalled(): boolean {
    if (!this.isAlive) return false;
    this.callsUntilCrash -= 1;
    if (this.callsUntilCrash > 0) return true;
    this.onCrash();
    return false;
  }
}
