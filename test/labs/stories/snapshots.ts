import { expect } from 'vitest';
import { CHECKPOINT_EVERY_COMMANDS, MAX_LOG_BYTES } from '../lab-constants.js';
import type { LabCluster } from '../lab-cluster.js';
import type { LabStory, Measured } from '../lab-story.js';

const ALL_CRASH_ROUNDS = 5;
/** In two rounds of three there are enough commands for a snapshot that the victim does not have. */
const MIN_INSTALLED_PART = 1 / 3;

/** Lab 3D. */
export const snapshotStories: readonly LabStory[] = [
  {
    name: 'D1 SnapshotBasic: logs stay short, and nobody who keeps up needs a snapshot',
    servers: 3,
    makesSnapshots: true,
    tell: async (cluster, measured) => {
      await snapshotRounds(cluster, 'nobody', measured);
      expect(cluster.snapshotsInstalled).toBe(0);
    },
  },
  {
    name: 'D2 SnapshotInstall: who was cut off catches up by snapshot',
    servers: 3,
    makesSnapshots: true,
    tell: (cluster, measured) => installRounds(cluster, 'isCutOff', measured),
  },
  {
    name: 'D3 SnapshotInstallUnreliable: the same over a lossy network',
    servers: 3,
    isUnreliable: true,
    makesSnapshots: true,
    tell: (cluster, measured) => installRounds(cluster, 'isCutOff', measured),
  },
  {
    name: 'D4 SnapshotInstallCrash: who crashed catches up by snapshot',
    servers: 3,
    makesSnapshots: true,
    tell: (cluster, measured) => installRounds(cluster, 'crashes', measured),
  },
  {
    name: 'D5 SnapshotInstallUnCrash: the same over a lossy network',
    servers: 3,
    isUnreliable: true,
    makesSnapshots: true,
    tell: (cluster, measured) => installRounds(cluster, 'crashes', measured),
  },
  {
    name: 'D6 SnapshotAllCrash: all crash at once, and no place is given twice',
    servers: 3,
    isUnreliable: true,
    makesSnapshots: true,
    tell: async (cluster) => {
      await cluster.one('first', cluster.size, true);
      for (let round = 0; round < ALL_CRASH_ROUNDS; round += 1) {
        const count = someCommands(cluster);
        for (let number = 0; number < count; number += 1) await cluster.one(`${round}.${number}`, cluster.size, true);
        const before = await cluster.one(`${round} before`, cluster.size, true);
        await crashAndRestartAll(cluster);
        const after = await cluster.one(`${round} after`, cluster.size, true);
        expect(after).toBeGreaterThanOrEqual(before + 1);
      }
    },
  },
  {
    name: 'D7 SnapshotInit: a snapshot is still there after a restart that wrote something else',
    servers: 3,
    isUnreliable: true,
    makesSnapshots: true,
    tell: async (cluster) => {
      await cluster.one('first', cluster.size, true);
      for (let number = 0; number <= CHECKPOINT_EVERY_COMMANDS; number += 1) {
        await cluster.one(String(number), cluster.size, true);
      }
      await crashAndRestartAll(cluster);
      // Writes the Raft state once more, by a process that has only read the snapshot.
      await cluster.one('one more', cluster.size, true);
      await crashAndRestartAll(cluster);
      await cluster.one('last', cluster.size, true);
    },
  },
];

type Victim = 'nobody' | 'isCutOff' | 'crashes';

async function installRounds(cluster: LabCluster, victim: Victim, measured: Measured): Promise<void> {
  await snapshotRounds(cluster, victim, measured);
  measured(`${cluster.snapshotsInstalled} snapshots installed in ${cluster.rounds.snapshots} rounds`);
  expect(cluster.snapshotsInstalled).toBeGreaterThanOrEqual(MIN_INSTALLED_PART * cluster.rounds.snapshots);
}

/** The lab's `snapcommon`. */
async function snapshotRounds(cluster: LabCluster, kind: Victim, measured: Measured): Promise<void> {
  let longestLog = 0;
  await cluster.one('first', cluster.size, true);
  let leader = await cluster.checkOneLeader();
  for (let round = 0; round < cluster.rounds.snapshots; round += 1) {
    const isLeaderVictim = round % 3 === 1;
    const victim = isLeaderVictim ? leader : cluster.after(leader);
    const sender = isLeaderVictim ? cluster.after(leader) : leader;
    await takeAway(cluster, victim, kind);
    const present = kind === 'nobody' ? cluster.size : cluster.size - 1;
    if (kind !== 'nobody') {
      await cluster.one(`${round} without ${victim}`, present, true);
      // The log is kept for a peer that was heard of a moment ago (FAILURE-MODES 20): it must be away for longer than that.
      await cluster.pass(cluster.silenceMs);
    }
    // Perhaps enough for a snapshot; as in the lab, nothing comes of it when the sender does not lead.
    const count = someCommands(cluster);
    for (let number = 0; number < count; number += 1) cluster.start(sender, `${round}.${number}`);
    await cluster.one(`${round} done`, present, true);

    longestLog = Math.max(longestLog, await cluster.logSize());
    expect(longestLog).toBeLessThan(MAX_LOG_BYTES);
    if (kind === 'nobody') continue;
    await bringBack(cluster, victim, kind);
    await cluster.one(`${round} with ${victim}`, cluster.size, true);
    leader = await cluster.checkOneLeader();
  }
  measured(`longest log: ${longestLog} bytes, of ${MAX_LOG_BYTES}`);
}

async function takeAway(cluster: LabCluster, victim: number, kind: Victim): Promise<void> {
  if (kind === 'isCutOff') await cluster.disconnect(victim);
  if (kind === 'crashes') cluster.crash(victim);
}

async function bringBack(cluster: LabCluster, victim: number, kind: Victim): Promise<void> {
  if (kind === 'isCutOff') await cluster.connect(victim);
  if (kind === 'crashes') await cluster.restart(victim);
}

async function crashAndRestartAll(cluster: LabCluster): Promise<void> {
  for (const server of cluster.everyone) cluster.crash(server);
  await Promise.all(cluster.everyone.map((server) => cluster.restart(server)));
}

/** From half of what makes a snapshot to one and a half of it. */
function someCommands(cluster: LabCluster): number {
  return CHECKPOINT_EVERY_COMMANDS / 2 + cluster.randomBelow(CHECKPOINT_EVERY_COMMANDS);
}
