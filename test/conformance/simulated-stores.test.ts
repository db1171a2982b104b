import {
  checkpointStoreChecks,
  interruptedCheckpointChecks,
  interruptedPersistChecks,
  logStoreChecks,
  registerConformance,
} from '@latchkey/conformance';
import { describe, it } from 'vitest';
import { SimulatedPlace } from '../../libs/simulator/src/test-support/simulated-place.js';

/** Among them some whose interrupted writes happen, and some whose do not. */
const SEEDS = [1, 2, 3, 4];
const runner = { describe, it };

/** The log of a simulated disk alone. */
function logPlace(seed = 1) {
  const place = new SimulatedPlace(seed);
  return {
    open: async () => (await place.open()).logStore,
    dispose: () => place.dispose(),
    interruptNextPersist: () => place.interruptNext(),
  };
}

const subject = 'contract: simulated disk';
/** Nodes share the bytes of entries, to save time; that nobody changes them is checked at the end of each run. */
const SHARES_BYTES = 'data that is a view into a larger buffer';
const copyingAside = logStoreChecks.filter(({ name }) => !name.startsWith(SHARES_BYTES));

registerConformance(runner, `log store ${subject}`, copyingAside, async () => logPlace());
registerConformance(runner, `checkpoint store ${subject}`, checkpointStoreChecks, async () => new SimulatedPlace());

for (const seed of SEEDS) {
  const interrupted = `${subject}, interruptions, seed ${seed}`;
  registerConformance(runner, `log store ${interrupted}`, interruptedPersistChecks, async () => logPlace(seed));
  registerConformance(
    runner,
    `checkpoint store ${interrupted}`,
    interruptedCheckpointChecks,
    async () => new SimulatedPlace(seed),
  );
}
