import type { NodeId } from '@latchkey/raft';
import type { NodeSettings } from '../node/simulated-node.js';
import { nodesBeginAnew, type SimulationPlan } from '../plan.js';
import { Random } from './random.js';

const PEER_DOWN_DELAY_MS = 30;
const USUAL = {
  maxInFlightAppends: 256,
  maxInFlightBytes: 8 * 1024 * 1024,
  maxAppendBytes: 512 * 1024,
  maxUncommittedBytes: 64 * 1024 * 1024,
};

/** A batch of the lessor: a command that no limit ever lets pass would be tried for ever. */
const LARGEST_COMMAND_BYTES = 6_000;

/** What every node of the run is set to; `tinyBatches` makes the rare paths of flow control the usual ones. */
export function nodeSettings(plan: SimulationPlan, ids: readonly NodeId[]): NodeSettings {
  const random = new Random(plan.seed, 'settings');
  const limits =
    plan.faults.tinyBatches === undefined
      ? USUAL
      : {
          maxInFlightAppends: random.integer(1, 8),
          maxInFlightBytes: random.integer(200, 4_000),
          maxAppendBytes: random.integer(100, 1_000),
          maxUncommittedBytes: Math.max(LARGEST_COMMAND_BYTES, random.integer(2_000, 20_000)),
        };
  return {
    raft: {
      initialMembership: { voters: ids, votersOutgoing: [], learners: [] },
      heartbeatIntervalMs: plan.heartbeatIntervalMs,
      electionTimeoutMs: plan.electionTimeoutMs,
      peerDownDelayMs: Math.min(PEER_DOWN_DELAY_MS, plan.electionTimeoutMs),
      seed: plan.seed,
      trailingEntries: plan.checkpoints?.trailingEntries ?? 0,
      diskStallTimeoutMs: 2 * plan.electionTimeoutMs,
      ...limits,
    },
    knowsStores: nodesBeginAnew(plan),
    checkpointEveryEntries: plan.checkpoints?.everyEntries ?? null,
    maxQueuedInputs: plan.faults.tinyBatches === undefined ? 65_536 : random.integer(16, 64),
    maxPendingProposals: plan.faults.tinyBatches === undefined ? 65_536 : random.integer(8, 64),
    proposalTimeoutMs: plan.faults.shortTimeout === undefined ? 10_000 : random.integer(20, 500),
    readTimeoutMs: plan.faults.shortTimeout === undefined ? 5_000 : random.integer(20, 500),
  };
}
