import type { Command } from '@latchkey/state-machine';
import { DirectCluster } from './direct-cluster.js';
import type { MeasuredPath } from './measured-path.js';
import { putAt } from './put-at.js';
import { SessionWriter } from './session-writer.js';
import { BATCH, KEYS } from './work-load.js';

const BATCHES_PER_RUN = 6;
const SINGLE_PUTS_PER_RUN = 72;
const LOCK_BATCHES_PER_RUN = 2;
const LOCKS = 1_024;
const OWNER = Buffer.from(JSON.stringify({ mode: 'exclusive', owner: { host: 'app-1', job: 'nightly' } }));

/** Batches of 64 puts, one entry each. */
export const batchedPuts = (): Promise<MeasuredPath> => puts(BATCH, BATCHES_PER_RUN);

/** One put to an entry: what a round costs. */
export const singlePuts = (): Promise<MeasuredPath> => puts(1, SINGLE_PUTS_PER_RUN);

/** 64 locks are taken in one entry and released in the next. */
export async function locks(): Promise<MeasuredPath> {
  const writer = await openWriter();
  const names = Array.from({ length: LOCKS }, (_, number) => `orders/${number}`);
  const entering = batchesOf(names.map((name) => ({ type: 'queueEnter', name, wait: true, value: OWNER }) as const));
  let next = 0;
  return {
    prepare: () => writer.tidy(),
    run: async () => {
      for (let count = 0; count < LOCK_BATCHES_PER_RUN; count += 1) {
        const batch = entering[(next += 1) % entering.length] ?? [];
        const place = { space: 'locks', leaseId: writer.lease } as const;
        await writer.write(batch.map((enter) => ({ ...enter, ...place })));
        await writer.write(batch.map(({ name }) => ({ type: 'queueLeave', name, onlyIfWaiting: false, ...place })));
      }
    },
  };
}

async function puts(size: number, batchesPerRun: number): Promise<MeasuredPath> {
  const writer = await openWriter();
  const all = Array.from({ length: KEYS }, (_, position) => putAt(position));
  for (const batch of batchesOf(all)) await writer.write(batch);
  let next = 0;
  const take = (): readonly Command[] => {
    const commands: Command[] = [];
    while (commands.length < size) {
      const command = all[next % KEYS];
      if (command !== undefined) commands.push(command);
      next += 1;
    }
    return commands;
  };
  return {
    prepare: () => writer.tidy(),
    run: async () => {
      for (let count = 0; count < batchesPerRun; count += 1) await writer.write(take());
    },
  };
}

const openWriter = async (): Promise<SessionWriter> => SessionWriter.open(await DirectCluster.start());

function batchesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const batches: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += BATCH) batches.push(items.slice(start, start + BATCH));
  return batches;
}
