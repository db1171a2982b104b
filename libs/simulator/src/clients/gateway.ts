import { ReplicaError, type ReplicaErrorCode } from '@latchkey/replica';
import type { Life, SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';

/** What a client sees of one attempt at one node. */
export type Answer<Value> =
  | { readonly type: 'ok'; readonly value: Value }
  | { readonly type: 'error'; readonly code: ReplicaErrorCode }
  /** Nobody listens there. */
  | { readonly type: 'refused' }
  | { readonly type: 'timeout' };

const CLIENT_LATENCY_MS = { min: 0.2, max: 3 };

/** The way between clients and nodes: each attempt is one request and at most one answer, both of which take time. */
export class Gateway {
  constructor(
    private readonly world: World,
    private readonly random: Random,
    /** Of the requests, how many arrive twice; and of requests and answers, how many do not arrive. */
    private readonly rates: { readonly duplicate: number; readonly loss: number },
  ) {}

  /** @param serve what the node does with the request, on the life it has when the request arrives */
  call<Value>(
    node: SimulatedNode,
    { timeoutMs, isSentOnce = false }: { readonly timeoutMs: number; readonly isSentOnce?: boolean },
    serve: (life: Life) => Promise<Value>,
  ): Promise<Answer<Value>> {
    const { world, random } = this;
    return new Promise((resolve) => {
      world.queue.schedule(world.nowMs + timeoutMs, () => resolve({ type: 'timeout' }));
      const copies = !isSentOnce && random.chance(this.rates.duplicate) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        if (random.chance(this.rates.loss)) continue;
        world.queue.schedule(world.nowMs + this.latencyMs(), () => this.arrive(node, serve, resolve));
      }
    });
  }

  private arrive<Value>(
    node: SimulatedNode,
    serve: (life: Life) => Promise<Value>,
    resolve: (answer: Answer<Value>) => void,
  ): void {
    const { life } = node;
    const answer = (given: Answer<Value>): void => {
      if (this.random.chance(this.rates.loss)) return;
      this.world.queue.schedule(this.world.nowMs + this.latencyMs(), () => resolve(given));
    };
    if (life === null) return answer({ type: 'refused' });
    life.process.run(() => {
      serve(life).then(
        (value) => {
          if (life.process.isAlive) answer({ type: 'ok', value });
        },
        (error: unknown) => {
          if (!(error instanceof ReplicaError)) {
            this.world.violate({ invariant: 'replicaFailed', message: `a request ended with ${String(error)}` });
          } else if (life.process.isAlive) answer({ type: 'error', code: error.code });
        },
      );
    });
  }

  private latencyMs(): number {
    return this.random.between(CLIENT_LATENCY_MS.min, CLIENT_LATENCY_MS.max);
  }
}
