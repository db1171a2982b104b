import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { frameOf, readFrames } from './frames.js';

/** What a member is told. The leader is the one with followers. */
export type BareMemberPlace = { readonly databaseUrl: string; readonly followerPorts: readonly number[] };

const TABLE = 'bench_bare_path';
const INSERT = { name: 'bare', text: `INSERT INTO ${TABLE} VALUES ($1, $2)` };
const MAJORITY_OF_OTHERS = 1;
const ANSWER = frameOf([]);

/** Makes batches durable, one row for each, one after the other. */
async function openTable(databaseUrl: string): Promise<(batch: Buffer) => Promise<unknown>> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query(
    `CREATE TABLE ${TABLE} (number bigint PRIMARY KEY, batch bytea NOT NULL) WITH (toast_tuple_target = 8160)`,
  );
  await client.query(`ALTER TABLE ${TABLE} ALTER COLUMN batch SET STORAGE EXTERNAL`);
  let number = 0;
  return (batch) => client.query({ ...INSERT, values: [++number, batch] });
}

/** A follower answers each batch when it is durable. */
function follow(socket: Socket, persist: (batch: Buffer) => Promise<unknown>): void {
  let last: Promise<unknown> = Promise.resolve();
  readFrames(socket, (batch) => {
    // One at a time: node-postgres would queue them itself, and says that it will not for ever.
    last = last.then(() => persist(batch)).then(() => socket.write(ANSWER));
  });
}

/** Gathers what comes while a batch is written; answers when a follower and this member have it, or both followers. */
class BareLeader {
  private waiting: { readonly from: Socket; readonly puts: Buffer }[] = [];
  private isWriting = false;

  constructor(
    private readonly followers: readonly Socket[],
    private readonly persist: (batch: Buffer) => Promise<unknown>,
  ) {
    for (const follower of followers) {
      const answers: (() => void)[] = [];
      readFrames(follower, () => answers.shift()?.());
      this.answersOf.set(follower, answers);
    }
  }

  private readonly answersOf = new Map<Socket, (() => void)[]>();

  serve(client: Socket): void {
    readFrames(client, (puts) => {
      this.waiting.push({ from: client, puts: Buffer.from(puts) });
      if (this.waiting.length === 1 && !this.isWriting) setImmediate(() => void this.write());
    });
  }

  private async write(): Promise<void> {
    if (this.isWriting) return;
    this.isWriting = true;
    while (this.waiting.length > 0) {
      const taken = this.waiting;
      this.waiting = [];
      const batch = frameOf(taken.map(({ puts }) => puts));
      let missing = MAJORITY_OF_OTHERS + 1;
      const durable = () => {
        missing -= 1;
        if (missing === 0) for (const { from } of taken) from.write(ANSWER);
      };
      for (const follower of this.followers) {
        this.answersOf.get(follower)?.push(durable);
        follower.write(batch);
      }
      await this.persist(batch);
      durable();
    }
    this.isWriting = false;
  }
}

/** A process of its own: tells its port to its parent once it has heard its place. */
export async function serveBareMember(): Promise<void> {
  const [place] = (await once(process, 'message')) as [BareMemberPlace];
  const persist = await openTable(place.databaseUrl);
  const followers = await Promise.all(place.followerPorts.map(connectedTo));
  const leader = followers.length === 0 ? null : new BareLeader(followers, persist);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (leader === null) follow(socket, persist);
    else leader.serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.on('disconnect', () => process.exit(0));
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  process.send?.(port);
}

export async function connectedTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}
