import { expect } from 'vitest';
import { LAB_ELECTION_TIMEOUT_MS } from '../lab-constants.js';
import type { LabCluster, Started } from '../lab-cluster.js';
import type { LabStory } from '../lab-story.js';

const PARALLEL_STARTS = 5;
const MAX_ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 3_000;
const BACKUP_BATCH = 50;

/** Lab 3B, what is agreed upon. */
export const agreementStories: readonly LabStory[] = [
  {
    name: 'B1 BasicAgree: three commands get the first three places, none before it is given',
    servers: 3,
    tell: async (cluster) => {
      for (let place = 1; place <= 3; place += 1) {
        expect(cluster.nCommitted(place)).toBe(0);
        expect(await cluster.one(String(place * 100), cluster.size, false)).toBe(place);
      }
    },
  },
  {
    name: 'B3 FollowerFailure: one of three may fail; of one alone nothing is committed',
    servers: 3,
    tell: async (cluster) => {
      await cluster.one('101', cluster.size, false);
      const leader = await cluster.checkOneLeader();
      await cluster.disconnect(cluster.after(leader));
      await cluster.one('102', cluster.size - 1, false);
      await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
      await cluster.one('103', cluster.size - 1, false);

      const leaderNow = await cluster.checkOneLeader();
      await cluster.disconnect(cluster.after(leaderNow, 1));
      await cluster.disconnect(cluster.after(leaderNow, 2));
      mustStart(cluster, leaderNow, '104');
      await cluster.pass(2 * LAB_ELECTION_TIMEOUT_MS);
      expect(cluster.nCommitted(4)).toBe(0);
    },
  },
  {
    name: 'B4 LeaderFailure: two go on without their leader; nobody alone commits anything',
    servers: 3,
    tell: async (cluster) => {
      await cluster.one('101', cluster.size, false);
      const first = await cluster.checkOneLeader();
      await cluster.disconnect(first);
      await cluster.one('102', cluster.size - 1, false);
      await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
      await cluster.one('103', cluster.size - 1, false);

      const second = await cluster.checkOneLeader();
      await cluster.disconnect(second);
      for (const server of cluster.everyone) cluster.start(server, '104');
      await cluster.pass(2 * LAB_ELECTION_TIMEOUT_MS);
      expect(cluster.nCommitted(4)).toBe(0);
    },
  },
  {
    name: 'B5 FailAgree: a follower that missed four commands agrees again after it is back',
    servers: 3,
    tell: async (cluster) => {
      await cluster.one('101', cluster.size, false);
      const away = cluster.after(await cluster.checkOneLeader());
      await cluster.disconnect(away);
      await cluster.one('102', cluster.size - 1, false);
      await cluster.one('103', cluster.size - 1, false);
      await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
      await cluster.one('104', cluster.size - 1, false);
      await cluster.one('105', cluster.size - 1, false);

      await cluster.connect(away);
      await cluster.one('106', cluster.size, true);
      await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
      await cluster.one('107', cluster.size, true);
    },
  },
  {
    name: 'B6 FailNoAgree: two of five commit nothing; together again all five agree',
    servers: 5,
    tell: async (cluster) => {
      await cluster.one('10', cluster.size, false);
      const leader = await cluster.checkOneLeader();
      const away = [1, 2, 3].map((distance) => cluster.after(leader, distance));
      for (const server of away) await cluster.disconnect(server);
      mustStart(cluster, leader, '20');
      await cluster.pass(2 * LAB_ELECTION_TIMEOUT_MS);
      expect(cluster.nCommitted(2)).toBe(0);

      for (const server of away) await cluster.connect(server);
      const started = mustStart(cluster, await cluster.checkOneLeader(), '30');
      await cluster.one('1000', cluster.size, true);
      // The new leader may have had 20 in its log, or not.
      expect([2, 3]).toContain(cluster.placeAppliedBy(started, cluster.size));
    },
  },
  {
    name: 'B7 ConcurrentStarts: five commands at once in one term are all committed, each at a place of its own',
    servers: 3,
    tell: async (cluster) => {
      const places = await inOneTerm(cluster, () => concurrentStarts(cluster));
      expect(new Set(places).size).toBe(PARALLEL_STARTS);
    },
  },
  {
    name: 'B8 Rejoin: a leader that was cut off comes back with entries that nobody else has',
    servers: 3,
    tell: async (cluster) => {
      await cluster.one('101', cluster.size, true);
      const first = await cluster.checkOneLeader();
      await cluster.disconnect(first);
      for (const command of ['102', '103', '104']) mustStart(cluster, first, command);
      await cluster.one('103', 2, true);

      const second = await cluster.checkOneLeader();
      await cluster.disconnect(second);
      await cluster.connect(first);
      await cluster.one('104', 2, true);
      await cluster.connect(second);
      await cluster.one('105', cluster.size, true);
    },
  },
  { name: 'B9 Backup: a leader finds quickly where long, wrong logs differ', servers: 5, tell: backup },
];

async function backup(cluster: LabCluster): Promise<void> {
  await cluster.one('first', cluster.size, true);
  const first = await cluster.checkOneLeader();
  const [partner, ...majority] = [1, 2, 3, 4].map((distance) => cluster.after(first, distance));
  if (partner === undefined) throw new Error('five servers have a second one');

  // Fifty that cannot be committed, at a leader with one follower.
  for (const server of majority) await cluster.disconnect(server);
  startMany(cluster, first, 'minority');
  await cluster.pass(LAB_ELECTION_TIMEOUT_MS / 2);
  await cluster.disconnect(first);
  await cluster.disconnect(partner);

  // Fifty that are, without these two.
  for (const server of majority) await cluster.connect(server);
  await agreeMany(cluster, 'majority');

  // Then one of the three is lost, and fifty more cannot be committed.
  const second = await cluster.checkOneLeader();
  const lost = majority.find((server) => server !== second);
  if (lost === undefined) throw new Error('one of three leads');
  await cluster.disconnect(lost);
  startMany(cluster, second, 'second minority');
  await cluster.pass(LAB_ELECTION_TIMEOUT_MS / 2);

  // The first leader and its follower come back, with the one that was lost.
  for (const server of cluster.everyone) await cluster.disconnect(server);
  for (const server of [first, partner, lost]) await cluster.connect(server);
  await agreeMany(cluster, 'second majority');
  for (const server of cluster.everyone) await cluster.connect(server);
  await cluster.one('last', cluster.size, true);
}

function startMany(cluster: LabCluster, leader: number, name: string): void {
  for (let number = 1; number <= BACKUP_BATCH; number += 1) mustStart(cluster, leader, `${name} ${number}`);
}

async function agreeMany(cluster: LabCluster, name: string): Promise<void> {
  for (let number = 1; number <= BACKUP_BATCH; number += 1) await cluster.one(`${name} ${number}`, 3, true);
}

/** Null when another term began meanwhile. */
async function concurrentStarts(cluster: LabCluster): Promise<readonly number[] | null> {
  const leader = await cluster.checkOneLeader();
  const first = cluster.start(leader, '1');
  if (first === null) return null;
  const started = await Promise.all(
    Array.from({ length: PARALLEL_STARTS }, async (_, number) => cluster.start(leader, String(100 + number))),
  );
  const places: number[] = [];
  for (const one of started) {
    const place = one?.term === first.term ? await cluster.wait(one, cluster.size) : null;
    if (place === null) return null;
    places.push(place);
  }
  return places;
}

/** What the lab tries up to five times, because the term may change while it looks. */
export async function inOneTerm<Result>(cluster: LabCluster, attempt: () => Promise<Result | null>): Promise<Result> {
  for (let count = 1; count <= MAX_ATTEMPTS; count += 1) {
    if (count > 1) await cluster.pass(ATTEMPT_PAUSE_MS);
    const result = await attempt();
    if (result !== null) return result;
  }
  throw new Error(`the term changed in each of ${MAX_ATTEMPTS} attempts`);
}

function mustStart(cluster: LabCluster, leader: number, command: string): Started {
  const started = cluster.start(leader, command);
  if (started === null) throw new Error(`server ${leader} does not lead any more: it refuses ${command}`);
  return started;
}
