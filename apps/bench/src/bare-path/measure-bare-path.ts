import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { readCpuSeconds } from '../peers/tree-usage.js';
import { ProcessCluster } from '../cluster/process-cluster.js';
import { loop } from '../workloads.js';
import { connectedTo, type BareMemberPlace } from './bare-member.js';
import { frameOf, readFrames } from './frames.js';

/** About what an entry of one put takes. */
const PUT = Buffer.alloc(290, 7);
const WARM_UP_MS = 5_000;
const IN_FLIGHT = [1, 64, 512];
const START_LIMIT_MS = 30_000;

/**
 * How much a write path can do here that consists of nothing else than one frame for all puts of a turn, one row for each batch in three
 * Postgres servers, and the answer of a majority: no Raft, no state, no checks, no Socket.IO. Nobody can be faster on these parts.
 */
export async function measureBarePath({ seconds }: { readonly seconds: number }): Promise<void> {
  // For its Postgres servers; its own nodes have nothing to do.
  await using cluster = await ProcessCluster.start();
  const [leaderUrl = '', ...followerUrls] = cluster.ids.map((id) => cluster.member(id).databaseUrl);
  const postgresPids = cluster.ids.flatMap((id) => cluster.member(id).postgresPid ?? []);
  const members: ChildProcess[] = [];
  try {
    const followerPorts: number[] = [];
    for (const databaseUrl of followerUrls)
      followerPorts.push(await startMember(members, { databaseUrl, followerPorts: [] }));
    const client = await connectedTo(await startMember(members, { databaseUrl: leaderUrl, followerPorts }));
    const put = putsTo(client);
    const memberPids = members.flatMap(({ pid }) => pid ?? []);
    console.log('CPU per put in µs, of all three members and of all three databases; p50 in ms');
    console.log(['', 'per s', 'p50', 'client', 'members', 'databases'].map((title) => title.padStart(11)).join(''));
    for (const inFlight of IN_FLIGHT) {
      await loop({ inFlight, durationMs: WARM_UP_MS }, put);
      const before = await cpuOf(memberPids, postgresPids);
      const { perSecond, latencyMs } = await loop({ inFlight, durationMs: seconds * 1_000 }, put);
      const after = await cpuOf(memberPids, postgresPids);
      const cpu = after.map((used, part) => (((used - (before[part] ?? 0)) * 1e6) / latencyMs.count).toFixed(1));
      const cells = [`put, ${inFlight}`, perSecond.toFixed(0), latencyMs.p50.toFixed(2), ...cpu];
      console.log(cells.map((cell) => cell.padStart(11)).join(''));
    }
    client.destroy();
  } finally {
    for (const member of members) member.kill('SIGKILL');
  }
}

async function startMember(members: ChildProcess[], place: BareMemberPlace): Promise<number> {
  const member = fork(process.argv[1] ?? '', ['bare-member'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  members.push(member);
  member.send(place);
  // It tells its port, and nothing else.
  const [port] = (await once(member, 'message', { signal: AbortSignal.timeout(START_LIMIT_MS) })) as [number];
  return port;
}

/** Seconds so far, of this process, of the members and of the databases. */
async function cpuOf(memberPids: readonly number[], postgresPids: readonly number[]): Promise<number[]> {
  const { user, system } = process.cpuUsage();
  const others = await Promise.all([readCpuSeconds(memberPids), readCpuSeconds(postgresPids)]);
  return [(user + system) / 1e6, ...others];
}

/** Puts of one turn of the event loop leave in one frame, which has one answer. */
function putsTo(leader: Socket): () => Promise<void> {
  const sent: (() => void)[][] = [];
  let gathered: (() => void)[] = [];
  readFrames(leader, () => {
    for (const resolve of sent.shift() ?? []) resolve();
  });
  const send = () => {
    leader.write(frameOf(gathered.map(() => PUT)));
    sent.push(gathered);
    gathered = [];
  };
  return () =>
    new Promise((resolve) => {
      gathered.push(resolve);
      if (gathered.length === 1) setImmediate(send);
    });
}
