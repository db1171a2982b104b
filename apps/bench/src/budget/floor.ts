import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { summarize } from '../statistics.js';

/** About what an entry of one put takes. */
const PAYLOAD_BYTES = 340;
const WARM_UP = 3_000;
const REPEATS = 5_000;
const ECHO_START_LIMIT_MS = 30_000;
const TABLE = 'bench_floor';
/** 32 MiB. */
const PLACES = 2 ** 23;
const MEMORY_READS = 4_000_000;

/** Of one repetition. */
export type Floor = { readonly p50Us: number; readonly cpuUs: number };

/** A message there and back over Socket.IO between two processes, one at a time. CPU: of this end. */
export async function measureMessage(): Promise<Floor> {
  const echo = fork(process.argv[1] ?? '', ['echo'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    // It tells its port, and nothing else.
    const [port] = (await once(echo, 'message', { signal: AbortSignal.timeout(ECHO_START_LIMIT_MS) })) as [number];
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const payload = Buffer.alloc(PAYLOAD_BYTES, 7);
    const floor = await measure(
      () =>
        new Promise<unknown>((resolve) => {
          socket.once('back', resolve);
          socket.emit('there', payload);
        }),
    );
    socket.disconnect();
    return floor;
  } finally {
    echo.kill('SIGKILL');
  }
}

/** The other end: tells its port to its parent, and sends back what comes. */
export function serveEcho(): void {
  const server = new Server(0, { transports: ['websocket'], serveClient: false });
  server.on('connection', (socket) => socket.on('there', (payload: Buffer) => socket.emit('back', payload)));
  // A server that listens on TCP has such an address.
  const { port } = server.httpServer.address() as AddressInfo;
  process.on('disconnect', () => process.exit(0));
  process.send?.(port);
}

/** One row in a transaction of its own, by node-postgres with a prepared statement, one at a time. CPU: without the server's. */
export async function measureInsert(databaseUrl: string): Promise<Floor> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query(`CREATE TABLE ${TABLE} (number bigint PRIMARY KEY, payload bytea NOT NULL)`);
    const payload = Buffer.alloc(PAYLOAD_BYTES, 7);
    const text = `INSERT INTO ${TABLE} VALUES ($1, $2)`;
    let number = 0;
    return await measure(() => client.query({ name: 'floor', text, values: [number++, payload] }));
  } finally {
    await client.query(`DROP TABLE IF EXISTS ${TABLE}`);
    await client.end();
  }
}

/** Nanoseconds of a read from anywhere in memory that no cache of one core holds: machines that others keep busy differ in it most. */
export function measureMemoryReadNs(): number {
  const places = new Int32Array(PLACES);
  // A walk that no hardware foresees: a full period generator modulo a power of two.
  for (let place = 0; place < PLACES; place += 1)
    places[place] = (Math.imul(place, 1_664_525) + 1_013_904_223) & (PLACES - 1);
  const startMs = performance.now();
  let place = 0;
  for (let count = 0; count < MEMORY_READS; count += 1) place = places[place ^ (count & 0xff)] ?? 0;
  const elapsedMs = performance.now() - startMs;
  // Used, so that no compiler leaves the walk out.
  return place < 0 ? Number.NaN : (elapsedMs * 1e6) / MEMORY_READS;
}

async function measure(once: () => Promise<unknown>): Promise<Floor> {
  for (let count = 0; count < WARM_UP; count += 1) await once();
  const before = process.cpuUsage();
  const timesMs: number[] = [];
  for (let count = 0; count < REPEATS; count += 1) {
    const startMs = performance.now();
    await once();
    timesMs.push(performance.now() - startMs);
  }
  const { user, system } = process.cpuUsage(before);
  return { p50Us: summarize(timesMs).p50 * 1_000, cpuUs: (user + system) / REPEATS };
}
