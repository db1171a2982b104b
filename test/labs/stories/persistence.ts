import { expect } from 'vitest';
import { AGREEMENT_LIMIT_MS, LAB_ELECTION_TIMEOUT_MS } from '../lab-constants.js';
import type { LabCluster, Started } from '../lab-cluster.js';
import type { LabStory } from '../lab-story.js';

const PERSIST2_ROUNDS = 5;
const PARALLEL_AGREEMENTS = 4;
const LONG_REORDERING_FROM_ROUND = 200;
const LONG_PAUSE_CHANCE = 0.1;
const SHORT_PAUSE_BELOW_MS = 13;
const CUT_LEADER_CHANCE = 0.5;
const MIN_SERVERS_UP = 3;
const CHURN_CLIENTS = 3;
const CHURN_PAUSE_MS = 0.7 * LAB_ELECTION_TIMEOUT_MS;
const CHURN_LOOKS_MS = [10, 20, 50, 100, 200];

/** Lab 3C. */
export const persistenceStories: readonly LabStory[] = [
  {
    name: 'C1 Persist1: all, the leader, a follower crash and come back, and nothing is lost',
    servers: 3,
    tell: async (cluster) => {
      expect(await cluster.one('11', cluster.size, true)).toBe(1);
      for (const server of cluster.everyone) cluster.crash(server);
      for (const server of cluster.everyone) await cluster.restart(server);
      await cluster.one('12', cluster.size, true);

      await cluster.restart(await cluster.checkOneLeader());
      await cluster.one('13', cluster.size, true);

      const leader = await cluster.checkOneLeader();
      cluster.crash(leader);
      const place = await cluster.one('14', cluster.size - 1, true);
      await cluster.restart(leader);
      await waitForAll(cluster, place);

      const follower = cluster.after(await cluster.checkOneLeader());
      cluster.crash(follower);
      await cluster.one('15', cluster.size - 1, true);
      await cluster.restart(follower);
      await cluster.one('16', cluster.size, true);
    },
  },
  {
    name: 'C2 Persist2: two of five crash, then the other three; they come back in another order',
    servers: 5,
    tell: async (cluster) => {
      for (let round = 0; round < PERSIST2_ROUNDS; round += 1) {
        await cluster.one(`${round} all`, cluster.size, true);
        const leader = await cluster.checkOneLeader();
        for (const distance of [1, 2]) cluster.crash(cluster.after(leader, distance));
        await cluster.one(`${round} three`, cluster.size - 2, true);
        for (const distance of [0, 3, 4]) cluster.crash(cluster.after(leader, distance));

        for (const distance of [1, 2]) await cluster.restart(cluster.after(leader, distance));
        await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
        await cluster.restart(cluster.after(leader, 3));
        await cluster.one(`${round} other three`, cluster.size - 2, true);
        for (const distance of [4, 0]) await cluster.restart(cluster.after(leader, distance));
      }
      await cluster.one('1000', cluster.size, true);
    },
  },
  {
    name: 'C3 Persist3: a leader that comes back first agrees with one that was cut off before',
    servers: 3,
    tell: async (cluster) => {
      await cluster.one('101', cluster.size, true);
      const leader = await cluster.checkOneLeader();
      await cluster.disconnect(cluster.after(leader, 2));
      await cluster.one('102', 2, true);
      cluster.crash(leader);
      cluster.crash(cluster.after(leader, 1));
      await cluster.connect(cluster.after(leader, 2));
      await cluster.restart(leader);
      await cluster.one('103', 2, true);
      await cluster.restart(cluster.after(leader, 1));
      await cluster.one('104', cluster.size, true);
    },
  },
  {
    name: 'C4 Figure8: leaders that crash with entries of old terms lose none that is committed',
    servers: 5,
    tell: figure8,
  },
  {
    name: 'C5 UnreliableAgree: commands given at the same time are agreed upon over a lossy network',
    servers: 5,
    isUnreliable: true,
    tell: async (cluster) => {
      const agreements: Promise<number>[] = [];
      for (let round = 1; round <= cluster.rounds.unreliableAgreements; round += 1) {
        for (let number = 0; number < PARALLEL_AGREEMENTS; number += 1) {
          agreements.push(cluster.one(`${100 * round + number}`, 1, true));
        }
        await cluster.one(String(round), 1, true);
      }
      cluster.weather.isUnreliable = false;
      await Promise.all(agreements);
      await cluster.one('last', cluster.size, true);
    },
  },
  {
    name: 'C6 Figure8Unreliable: as C4, by cuts in a network that delays, loses and reorders',
    servers: 5,
    isUnreliable: true,
    tell: figure8Unreliable,
  },
  { name: 'C7 ReliableChurn: what clients saw committed stays, whoever comes and goes', servers: 5, tell: churn },
  { name: 'C8 UnreliableChurn: the same over a lossy network', servers: 5, isUnreliable: true, tell: churn },
];

async function waitForAll(cluster: LabCluster, place: number): Promise<void> {
  const isThere = await cluster.within(2 * LAB_ELECTION_TIMEOUT_MS, () => cluster.nCommitted(place) === cluster.size);
  expect(isThere, 'the server that crashed has what it missed').toBe(true);
}

async function figure8(cluster: LabCluster): Promise<void> {
  await cluster.one('first', 1, true);
  for (let round = 0; round < cluster.rounds.figure8; round += 1) {
    const leader = startEverywhere(cluster, String(round));
    await shortOrLongPause(cluster);
    if (leader !== null) cluster.crash(leader);
    if (upCount(cluster) >= MIN_SERVERS_UP) continue;
    const another = cluster.randomBelow(cluster.size);
    if (!cluster.isUp(another)) await cluster.restart(another);
  }
  for (const server of cluster.everyone) if (!cluster.isUp(server)) await cluster.restart(server);
  await cluster.one('last', cluster.size, true);
}

async function figure8Unreliable(cluster: LabCluster): Promise<void> {
  await cluster.one('first', 1, true);
  for (let round = 0; round < cluster.rounds.figure8; round += 1) {
    // In a run of fewer rounds, at the same part of it.
    if (round === Math.floor((LONG_REORDERING_FROM_ROUND * cluster.rounds.figure8) / LAB_FIGURE8_ROUNDS)) {
      cluster.weather.isLongReordering = true;
    }
    const leader = startEverywhere(cluster, String(round));
    await shortOrLongPause(cluster);
    if (leader !== null && chance(cluster, CUT_LEADER_CHANCE)) await cluster.disconnect(leader);
    if (cluster.everyone.filter((server) => cluster.isConnected(server)).length >= MIN_SERVERS_UP) continue;
    const another = cluster.randomBelow(cluster.size);
    if (!cluster.isConnected(another)) await cluster.connect(another);
  }
  for (const server of cluster.everyone) if (!cluster.isConnected(server)) await cluster.connect(server);
  await cluster.one('last', cluster.size, true);
}

const LAB_FIGURE8_ROUNDS = 1_000;

/** @returns the last of the connected servers that takes it as its leader */
function startEverywhere(cluster: LabCluster, command: string): number | null {
  let leader: number | null = null;
  for (const server of cluster.everyone) {
    if (cluster.start(server, command) !== null && cluster.isConnected(server)) leader = server;
  }
  return leader;
}

async function shortOrLongPause(cluster: LabCluster): Promise<void> {
  const isLong = chance(cluster, LONG_PAUSE_CHANCE);
  await cluster.pass(cluster.randomBelow(isLong ? LAB_ELECTION_TIMEOUT_MS / 2 : SHORT_PAUSE_BELOW_MS));
}

async function churn(cluster: LabCluster): Promise<void> {
  const clients = new ChurnClients(cluster);
  const running = Array.from({ length: CHURN_CLIENTS }, (_, number) => clients.run(number));
  try {
    // Else a majority might be gone before there was anything that could be lost.
    await cluster.within(AGREEMENT_LIMIT_MS, () => clients.seenCommitted.length > 0);
    for (let round = 0; round < cluster.rounds.churn; round += 1) {
      if (chance(cluster, 0.2)) await cluster.disconnect(cluster.randomBelow(cluster.size));
      if (chance(cluster, 0.5)) await bringBack(cluster, cluster.randomBelow(cluster.size));
      if (chance(cluster, 0.2)) cluster.crash(cluster.randomBelow(cluster.size));
      // Long enough to elect a leader, too short for everybody to catch up.
      await cluster.pass(CHURN_PAUSE_MS);
    }
    await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
    cluster.weather.isUnreliable = false;
    for (const server of cluster.everyone) await bringBack(cluster, server);
  } finally {
    clients.stop();
    await Promise.all(running);
  }
  await cluster.pass(LAB_ELECTION_TIMEOUT_MS);
  await cluster.one('last', cluster.size, true);

  expect(clients.seenCommitted.length, 'clients saw something committed').toBeGreaterThan(0);
  for (const server of cluster.everyone) {
    const there = new Set(cluster.appliedBy(server));
    expect(clients.seenCommitted.filter(({ text }) => !there.has(text))).toEqual([]);
  }
}

async function bringBack(cluster: LabCluster, server: number): Promise<void> {
  if (!cluster.isConnected(server)) await cluster.connect(server);
  if (!cluster.isUp(server)) await cluster.restart(server);
}

class ChurnClients {
  readonly seenCommitted: Started[] = [];
  private isStopped = false;

  constructor(private readonly cluster: LabCluster) {}

  stop(): void {
    this.isStopped = true;
  }

  async run(client: number): Promise<void> {
    for (let number = 0; !this.isStopped; number += 1) {
      const started = this.startAnywhere(`client ${client}, ${number}`);
      // Perhaps it is committed, perhaps not: nobody waits for ever.
      if (started === null) await this.cluster.pass(79 + client * 17);
      else if (await this.isSoonCommitted(started)) this.seenCommitted.push(started);
    }
  }

  /** The last server that says it leads gets the last word, as in the lab. */
  private startAnywhere(command: string): Started | null {
    let last: Started | null = null;
    for (const server of this.cluster.everyone) last = this.cluster.start(server, command) ?? last;
    return last;
  }

  private async isSoonCommitted(started: Started): Promise<boolean> {
    for (const pauseMs of CHURN_LOOKS_MS) {
      if (this.cluster.placeAppliedBy(started, 1) !== null) return true;
      await this.cluster.pass(pauseMs);
    }
    return false;
  }
}

const upCount = (cluster: LabCluster): number => cluster.everyone.filter((server) => cluster.isUp(server)).length;

const chance = (cluster: LabCluster, probability: number): boolean => cluster.randomBelow(1_000) < probability * 1_000;
