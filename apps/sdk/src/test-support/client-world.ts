import { ClientCore } from '../client-core.js';
import { Latchkey } from '../latchkey.js';
import { MainThreadHeartbeat } from '../session/main-thread-heartbeat.js';
import { FakeCluster } from './fake-cluster.js';
import { VirtualClock } from './virtual-clock.js';

export const NODE_1 = 'http://n1';
export const NODE_2 = 'http://n2';
export const NODE_3 = 'http://n3';
export const SESSION_TTL_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 5_000;
/** Enough virtual time for a few round trips, and far less than any timeout. */
export const A_MOMENT_MS = 20;

/** Clients of one fake cluster under virtual time. Every client begins at node 1. */
export class ClientWorld {
  readonly clock = new VirtualClock();
  readonly endpoints = [NODE_1, NODE_2, NODE_3];
  readonly cluster = new FakeCluster(this.clock, this.endpoints);
  #clients = 0;
  #leases = 0;

  /** A client that is not connected yet. */
  makeCore(): ClientCore {
    const { clock, cluster, endpoints } = this;
    this.#clients += 1;
    const client = this.#clients;
    const random = (): number => 0;
    return new ClientCore(
      {
        clock,
        connector: cluster,
        heartbeat: new MainThreadHeartbeat({ endpoints, connector: cluster, clock, random }),
        random,
        newLeaseId: () => `${client}${String((this.#leases += 1)).padStart(15, '0')}`,
      },
      { endpoints, sessionTtlMs: SESSION_TTL_MS, clientName: null, requestTimeoutMs: REQUEST_TIMEOUT_MS },
    );
  }

  async connect(): Promise<{ readonly core: ClientCore; readonly client: Latchkey }> {
    const core = this.makeCore();
    await this.finish(core.open());
    return { core, client: new Latchkey(core) };
  }

  /** Lets a moment pass and answers what the promise came to; for what must not need longer. */
  async finish<Result>(promise: Promise<Result>, withinMs = A_MOMENT_MS): Promise<Result> {
    const outcome = promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.clock.advance(withinMs);
    const settled = await Promise.race([outcome, Promise.resolve('pending' as const)]);
    if (settled === 'pending') throw new Error(`still pending after ${withinMs} virtual ms`);
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  /** Nothing of these clients gets through in either direction. */
  blackhole(): void {
    for (const endpoint of this.endpoints) this.cluster.node(endpoint).state = 'silent';
  }

  heal(): void {
    for (const endpoint of this.endpoints) this.cluster.node(endpoint).state = 'up';
  }
}

/** What became of a promise so far, without waiting for it. */
export function track<Result>(promise: Promise<Result>): {
  state: 'pending' | 'resolved' | 'rejected';
  value: unknown;
} {
  const tracked: { state: 'pending' | 'resolved' | 'rejected'; value: unknown } = { state: 'pending', value: null };
  promise.then(
    (value) => Object.assign(tracked, { state: 'resolved', value }),
    (error: unknown) => Object.assign(tracked, { state: 'rejected', value: error }),
  );
  return tracked;
}
