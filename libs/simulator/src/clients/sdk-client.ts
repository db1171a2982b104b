import { ClientCore, Latchkey, LatchkeyError, MainThreadHeartbeat, type LatchkeyErrorCode } from '@latchkey/sdk-core';
import type { LeaseId } from '@latchkey/state-machine';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import { ClientMachine } from './client-machine.js';
import { endpointOf, type ClientNetwork } from './client-network.js';

export type ClientWorld = {
  readonly world: World;
  readonly network: ClientNetwork;
  readonly random: Random;
};

export type SdkClientOptions = {
  readonly name: string;
  /** Distinguishes the lease ids of this client from those of all others. */
  readonly number: number;
  readonly sessionTtlMs: number;
  readonly requestTimeoutMs: number;
  /** Milliseconds of its clock per true millisecond. */
  readonly clockRate: number;
  /** The fastest clock of any node. */
  readonly nodeClockRateMax: number;
};

/** What the SDK promises to believe less than a lease's TTL. Not asked of the SDK, which is what is tested. */
const PROMISED_MARGIN = 0.01;
const PROMISED_MARGIN_MS = 20;
/** Lease ids that one client may need. */
const LEASES_OF_A_CLIENT = 2 ** 20;

/** The real SDK, without its sockets and threads, on a simulated machine. Opened again when nothing is left of it. */
export class SdkClient {
  readonly machine: ClientMachine;
  private core: ClientCore | null = null;
  private leaseCount = 0;

  constructor(
    private readonly context: ClientWorld,
    readonly options: SdkClientOptions,
  ) {
    this.machine = new ClientMachine(context.world.queue, options.clockRate);
  }

  /** Connected, with a session; null when none could be had in time. @param nodeIds those that the client knows */
  async opened(nodeIds: readonly string[] = this.context.world.nodes.map(({ id }) => id)): Promise<ClientCore | null> {
    if (this.core !== null) return this.core;
    const core = this.newCore(nodeIds.map(endpointOf));
    try {
      await core.open();
      this.core = core;
    } catch (error) {
      this.expect(error, ['UNAVAILABLE', 'OUTCOME_UNKNOWN']);
    }
    return this.core;
  }

  /** The open client's public face. */
  static faceOf(core: ClientCore): Latchkey {
    return new Latchkey(core);
  }

  async close(): Promise<void> {
    await this.core?.close();
    this.core = null;
  }

  /** What the client believes of its session, now; null when it has none. */
  get session(): { readonly leaseId: LeaseId; readonly remainingMs: number; readonly toleranceMs: number } | null {
    const session = this.core?.session ?? null;
    if (session === null) return null;
    // Its own client chose the id by the rules of the state machine.
    return { leaseId: session.id as LeaseId, remainingMs: session.remainingMs, toleranceMs: this.toleranceMs };
  }

  /**
   * How long after the end of a lease this client may still believe in it, because the clocks of this run drift apart
   * further than the SDK allows for (then there is nothing that it could do); 0 when they do not.
   */
  get toleranceMs(): number {
    const { sessionTtlMs, clockRate, nodeClockRateMax } = this.options;
    const believedMs = sessionTtlMs * (1 - PROMISED_MARGIN) - PROMISED_MARGIN_MS;
    return Math.max(0, believedMs - (sessionTtlMs * clockRate) / nodeClockRateMax);
  }

  /** Code of an error that the SDK may answer with here; anything else breaks a promise. */
  expect(error: unknown, expected: readonly LatchkeyErrorCode[]): LatchkeyErrorCode | null {
    if (error instanceof LatchkeyError && expected.includes(error.code)) return error.code;
    const text = error instanceof LatchkeyError ? `${error.code}: ${error.message}` : String(error);
    this.context.world.violate({ invariant: 'sdkAnswer', message: `${this.options.name} was told ${text}` });
    return null;
  }

  private newCore(endpoints: readonly string[]): ClientCore {
    const { context, machine, options } = this;
    const connector = context.network.connector(options.name, machine);
    const random = (): number => context.random.next();
    const core = new ClientCore(
      {
        clock: machine,
        connector,
        heartbeat: new MainThreadHeartbeat({ endpoints, connector, clock: machine, random }),
        random,
        newLeaseId: () => {
          this.leaseCount += 1;
          return (options.number * LEASES_OF_A_CLIENT + this.leaseCount).toString(16).padStart(16, '0');
        },
      },
      {
        endpoints,
        sessionTtlMs: options.sessionTtlMs,
        requestTimeoutMs: options.requestTimeoutMs,
        clientName: options.name,
      },
    );
    const note = (what: string, detail = ''): void => {
      const { trace, nowMs } = context.world;
      trace.note(nowMs, null, what, { detail: `${options.name} ${detail}` });
    };
    core.events.on('connected', ({ endpoint }) => note('client connected', endpoint));
    core.events.on('disconnected', ({ reason }) => note('client disconnected', reason));
    core.events.on('sessionLost', () => note('client session lost'));
    return core;
  }
}
