import { encodeCommandBatch, revision, StateMachine, type Command } from '@latchkey/state-machine';
import { applyAt } from './apply-at.js';
import type { MeasuredPath } from './measured-path.js';
import { putAt } from './put-at.js';
import { BATCH, KEYS } from './work-load.js';

const BATCHES_PER_RUN = 40;
const KEPT_REVISIONS = 10_000;

/** What the versions written since the last checkpoint cost on their way into the next one: rows of bytes. */
export async function checkpointedVersions(): Promise<MeasuredPath> {
  const machine = new StateMachine();
  const puts = Array.from({ length: KEYS }, (_, position) => putAt(position));
  let index = 0;
  let next = 0;
  const apply = (commands: readonly Command[]): void => {
    index += 1;
    applyAt(machine, index, encodeCommandBatch({ origin: { type: 'none' }, commands }));
  };
  const applyPuts = (): void => {
    const commands: Command[] = [];
    for (; commands.length < BATCH; next += 1) {
      const put = puts[next % KEYS];
      if (put !== undefined) commands.push(put);
    }
    apply(commands);
  };
  return {
    prepare: async () => {
      const oldest = machine.revision - KEPT_REVISIONS;
      if (oldest > machine.compactRevision) apply([{ type: 'compact', revision: revision(oldest) }]);
      for (let count = 0; count < BATCHES_PER_RUN; count += 1) applyPuts();
    },
    run: async () => {
      let rows = 0;
      for (const page of machine.takeChanges()) rows += page.length;
      if (rows < BATCHES_PER_RUN * BATCH) throw new Error(`only ${rows} rows for as many puts`);
    },
  };
}
