import { ReplicaError } from '@latchkey/replica';
import { encodeCommandBatch, key, type PutOperation } from '@latchkey/state-machine';
import type { Life } from '../node/simulated-node.js';
import type { HistoryRecorder } from './history-recorder.js';
import type { ClientWorld } from './sdk-client.js';
import { bytesOf } from './text-bytes.js';

const MEAN_INTERVAL_MS = 1_500;
const PUTS_MAX = 40;
const KEY = 'kv/burst';

/** Now and then many writes at once at one node, each sent once and by nobody: a leader that is cut off piles them up. */
export class Bursts {
  constructor(
    private readonly context: ClientWorld,
    private readonly history: HistoryRecorder,
    private readonly intensity: number,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const { world, random } = this.context;
    const { nodes } = world;
    while (!isOver()) {
      await world.sleep(random.exponential(MEAN_INTERVAL_MS / this.intensity));
      const leader = nodes.find(({ life }) => life?.replica.status().role === 'leader');
      const { life } = random.chance(0.5) && leader !== undefined ? leader : random.pick(nodes);
      if (life === null) continue;
      for (let left = random.integer(1, PUTS_MAX); left > 0; left -= 1) this.put(life);
    }
  }

  private put(life: Life): void {
    const { world } = this.context;
    const value = this.history.nextValue();
    const { history } = this;
    const end = history.begin({ type: 'write', client: 'burst', key: KEY, value, invokedAtMs: world.nowMs });
    life.replica.propose(encodeCommandBatch({ origin: { type: 'none' }, commands: [putOf(value)] })).then(
      ({ result: { outcomes } }) => {
        const [outcome] = outcomes;
        if (!life.process.isAlive || outcome?.type !== 'put') return;
        end({ type: 'ok', returnedAtMs: world.nowMs, result: { revision: outcome.revision } });
      },
      (error: unknown) => {
        if (!life.process.isAlive || !(error instanceof ReplicaError)) return;
        // Every other code promises that nothing was done, and that is held against it.
        if (error.code !== 'OUTCOME_UNKNOWN') end({ type: 'failed', returnedAtMs: world.nowMs });
      },
    );
  }
}

function putOf(value: string): PutOperation {
  return {
    type: 'put',
    key: key(KEY),
    value: bytesOf(value),
    leaseId: null,
    expectedModRevision: null,
    wantPrevious: false,
    keepValue: false,
    keepLease: false,
  };
}
