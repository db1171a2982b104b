import { expect } from 'vitest';
import {
  BYTES_SLACK,
  ENVELOPE_OVERHEAD,
  LAB_ELECTION_TIMEOUT_MS,
  maxAgreementRpcs,
  MAX_ELECTION_RPCS,
  MAX_IDLE_RPCS,
} from '../lab-constants.js';
import type { LabCluster } from '../lab-cluster.js';
import type { LabStory } from '../lab-story.js';
import { inOneTerm } from './agreement.js';

const LARGE_COMMANDS = 10;
const LARGE_COMMAND_BYTES = 5_000;
const COUNTED_COMMANDS = 10;
/** The lab looks for a leader twice a second, so that a part of a second's heartbeats is counted with the election. */
const LOOK_EVERY_MS = 500;

/** Lab 3B, what agreement may cost. */
export const budgetStories: readonly LabStory[] = [
  {
    name: 'B2 RPCBytes: each command is sent to each peer just once',
    servers: 3,
    tell: async (cluster, measured) => {
      await cluster.one('99', cluster.size, false);
      const before = cluster.byteCount;
      const commandBytes = LARGE_COMMANDS * LARGE_COMMAND_BYTES;
      for (let number = 1; number <= LARGE_COMMANDS; number += 1) {
        const place = await cluster.one(cluster.randomText(LARGE_COMMAND_BYTES), cluster.size, false);
        expect(place).toBe(number + 1);
      }
      const sent = cluster.byteCount - before;
      const limit = cluster.size * commandBytes + BYTES_SLACK;
      const ownLimit = Math.floor((cluster.size - 1) * commandBytes * (1 + ENVELOPE_OVERHEAD));
      measured(`B2: ${sent} bytes; the lab allows ${limit}, we ${ownLimit}`);
      expect(sent).toBeGreaterThan((cluster.size - 1) * commandBytes);
      expect(sent).toBeLessThanOrEqual(limit);
      // The lab's slack would hide a fourth copy. Ours: the two copies that are needed, and their envelopes.
      expect(sent).toBeLessThanOrEqual(ownLimit);
    },
  },
  {
    name: 'B10 Count: elections, agreement and silence take few messages',
    servers: 3,
    tell: async (cluster, measured) => {
      await cluster.pass(LOOK_EVERY_MS);
      await cluster.checkOneLeader();
      const forElection = cluster.rpcCount;
      measured(`B10: ${forElection} requests for the first election, of ${MAX_ELECTION_RPCS}`);
      expect(forElection).toBeGreaterThanOrEqual(1);
      expect(forElection).toBeLessThanOrEqual(MAX_ELECTION_RPCS);

      const forCommands = await inOneTerm(cluster, () => rpcsOfTenCommands(cluster));
      measured(`B10: ${forCommands} requests for ten commands, of ${maxAgreementRpcs(COUNTED_COMMANDS)}`);
      expect(forCommands).toBeLessThanOrEqual(maxAgreementRpcs(COUNTED_COMMANDS));

      const before = cluster.rpcCount;
      await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
      const whileIdle = cluster.rpcCount - before;
      measured(`B10: ${whileIdle} requests in an idle second, of ${MAX_IDLE_RPCS}`);
      expect(whileIdle).toBeLessThanOrEqual(MAX_IDLE_RPCS);
    },
  },
];

/** Null when another term began meanwhile. */
async function rpcsOfTenCommands(cluster: LabCluster): Promise<number | null> {
  const leader = await cluster.checkOneLeader();
  const before = cluster.rpcCount;
  const started = [cluster.start(leader, '1')];
  for (let number = 1; number <= COUNTED_COMMANDS; number += 1)
    started.push(cluster.start(leader, `counted ${number}`));
  const places: number[] = [];
  for (const one of started) {
    const place = one?.term === started[0]?.term && one !== null ? await cluster.wait(one, cluster.size) : null;
    if (place === null) return null;
    places.push(place);
  }
  const [first = 0] = places;
  expect(places).toEqual(places.map((_, distance) => first + distance));
  return cluster.rpcCount - before;
}
