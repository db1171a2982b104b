import type { WireRange, WireRecord } from '@latchkey/contracts';
import { CompactedError } from '../errors/latchkey-error.js';
import type { RequestPort } from '../requests/request-port.js';
import { rangeAfter } from './key-range.js';

/** Records asked for at once; an answer must fit into a frame. */
export const RANGE_PAGE_SIZE = 500;
/** History may be compacted faster than pages are read. */
const MAX_SNAPSHOT_TRIES = 5;

export type Snapshot = { readonly revision: number; readonly records: readonly WireRecord[] };

/** Everything in a range as of one revision, read page by page. */
export async function readSnapshot(requests: RequestPort, range: WireRange): Promise<Snapshot> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readPages(requests, range);
    } catch (error) {
      if (!(error instanceof CompactedError) || attempt === MAX_SNAPSHOT_TRIES) throw error;
    }
  }
}

async function readPages(requests: RequestPort, range: WireRange): Promise<Snapshot> {
  let page = await requests.call({ op: 'range', range, limit: RANGE_PAGE_SIZE });
  const { revision } = page;
  const records = [...page.records];
  while (page.more) {
    const last = page.records.at(-1);
    const rest = last === undefined ? null : rangeAfter(range, last.key);
    if (rest === null) break;
    page = await requests.call({ op: 'range', range: rest, limit: RANGE_PAGE_SIZE, revision });
    records.push(...page.records);
  }
  return { revision, records };
}
