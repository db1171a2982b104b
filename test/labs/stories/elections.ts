import { expect } from 'vitest';
import { LAB_ELECTION_TIMEOUT_MS } from '../lab-constants.js';
import type { LabCluster } from '../lab-cluster.js';
import type { LabStory } from '../lab-story.js';

const A_MOMENT_MS = 50;
const ELECTION_ROUNDS = 9;
const CUT_PER_ROUND = 3;

/** Lab 3A. */
export const electionStories: readonly LabStory[] = [
  {
    name: 'A1 InitialElection: one of three is elected, and stays leader while nothing fails',
    servers: 3,
    tell: async (cluster) => {
      await cluster.checkOneLeader();
      await cluster.pass(A_MOMENT_MS);
      const term = await cluster.checkTerms();
      expect(term).toBeGreaterThanOrEqual(1);
      await cluster.pass(2 * LAB_ELECTION_TIMEOUT_MS);
      const termLater = await cluster.checkTerms();
      // The lab only warns: on a busy machine a heartbeat may come late.
      if (cluster.isTimeExact) expect(termLater).toBe(term);
      await cluster.checkOneLeader();
    },
  },
  {
    name: 'A2 ReElection: a leader that is cut off is replaced, and nobody leads without a majority',
    servers: 3,
    tell: async (cluster) => {
      const first = await cluster.checkOneLeader();
      await cluster.disconnect(first);
      await cluster.checkOneLeader();
      await cluster.connect(first);
      const second = await cluster.checkOneLeader();

      await cluster.disconnect(second);
      await cluster.disconnect(cluster.after(second));
      await cluster.pass(2 * LAB_ELECTION_TIMEOUT_MS);
      cluster.checkNoLeader();
      // Not the lab's: here a leader that hears of no majority steps down itself.
      expect(cluster.everyone.filter((server) => cluster.isLeader(server))).toEqual([]);

      await cluster.connect(cluster.after(second));
      await cluster.checkOneLeader();
      await cluster.connect(second);
      await cluster.checkOneLeader();
    },
  },
  {
    name: 'A3 ManyElections: of seven, three at a time are cut off, and there is a leader each time',
    servers: 7,
    tell: async (cluster) => {
      await cluster.checkOneLeader();
      for (let round = 0; round < ELECTION_ROUNDS; round += 1) {
        const cut = Array.from({ length: CUT_PER_ROUND }, () => cluster.randomBelow(cluster.size));
        await connectAll(cluster, cut, false);
        await cluster.checkOneLeader();
        await connectAll(cluster, cut, true);
      }
      await cluster.checkOneLeader();
    },
  },
];

async function connectAll(cluster: LabCluster, servers: readonly number[], isConnected: boolean): Promise<void> {
  for (const server of servers) await (isConnected ? cluster.connect(server) : cluster.disconnect(server));
}
