import { readSnapshot } from '../kv/range-reader.js';
import { toJsonBytes } from '../kv/text-codec.js';
import type { Claims } from '../locks/claims.js';
import type { RequestPort } from '../requests/request-port.js';
import type { WatchHub } from '../watch/watch-hub.js';
import type { WatchStream } from '../watch/watch-stream.js';
import type { Leader } from './election-observer.js';
import { ElectionView, observeElection } from './election-observer.js';
import { Leadership } from './leadership.js';

export type CampaignOptions = {
  /** Ends the candidacy. It has no meaning for a leader. */
  readonly signal?: AbortSignal;
  /** How long to be a candidate; absent = as long as it takes. */
  readonly waitMs?: number;
};

/** An election by its name: `latchkey.election('scheduler')`. */
export class ElectionHandle {
  constructor(
    readonly name: string,
    private readonly claims: Claims,
    private readonly requests: RequestPort,
    private readonly watches: WatchHub,
  ) {}

  /**
   * Resolves when this client leads; candidates lead in the order in which they came. `value` is any JSON that observers shall see.
   * @throws LockHeldError when `waitMs` is over; UnavailableError; the signal's reason
   */
  async campaign(value: unknown, options: CampaignOptions = {}): Promise<Leadership> {
    const request = { ...options, space: 'elections', name: this.name, value: toJsonBytes(value) } as const;
    return new Leadership(this.name, await this.claims.acquire(request), this.requests);
  }

  /** The leader now, then every change. Says nothing while there is no leader. */
  observe<Value = unknown>(options: { readonly signal?: AbortSignal } = {}): WatchStream<Leader<Value>> {
    const { requests, watches, name } = this;
    return observeElection<Value>({ requests, watches, name, ...options });
  }

  /** Who leads now; null = nobody. */
  async leader<Value = unknown>(): Promise<Leader<Value> | null> {
    const prefix = `elections/${this.name}/`;
    const view = new ElectionView<Value>(prefix);
    view.reset((await readSnapshot(this.requests, { prefix })).records);
    return view.leader;
  }
}
