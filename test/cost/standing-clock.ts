import { VirtualClock } from '../../libs/replica/src/test-support/virtual-clock.js';

/**
 * Virtual time until a cluster has begun its work; then time stands, so that no heartbeat and no election falls into one
 * measurement and not into another, and turns follow one another as in a real process.
 */
export class StandingClock extends VirtualClock {
  private stands = false;

  stand(): void {
    this.stands = true;
  }

  override defer(callback: () => void): void {
    if (this.stands) setImmediate(callback);
    else super.defer(callback);
  }
}
