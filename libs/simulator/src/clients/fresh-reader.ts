import { ReplicaError } from '@latchkey/replica';
import type { ClientWorld } from './sdk-client.js';

const INTERVAL_MS = { min: 5, max: 300 };

/** Asks random nodes for a read index and sees whether it is fresh, also when nobody waits for it any more. */
export class FreshReader {
  constructor(private readonly context: ClientWorld) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    while (!isOver()) {
      await world.sleep(random.between(INTERVAL_MS.min, INTERVAL_MS.max));
      const node = random.pick(world.nodes);
      const { life } = node;
      // Held back by a pause like every request: asked when it gets through.
      life?.process.run(() => {
        const committedWhenAsked = world.committed.committedIndex;
        life.replica.readBarrier().then(
          (readIndex) => {
            if (life.process.isAlive) world.invariants.readServed({ node: node.id, readIndex, committedWhenAsked });
          },
          (error: unknown) => {
            if (!(error instanceof ReplicaError)) throw error;
          },
        );
      });
    }
  }
}
