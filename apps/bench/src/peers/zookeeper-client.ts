import zookeeper, { type Client as ZooKeeper } from 'node-zookeeper-client';
import { within } from './poll.js';
import type { Client, HeldLock } from './system.js';
import { sync } from './zookeeper-sync.js';

const CONNECT_LIMIT_MS = 30_000;
const CREATES_IN_FLIGHT = 64;
const ANY_VERSION = -1;
const LOCK_ENTRY_PREFIX = 'lock-';
const { CreateMode, Exception } = zookeeper;

/** With the client's default options. */
export async function connectZooKeeper(connectionString: string): Promise<Client> {
  const client = zookeeper.createClient(connectionString);
  const connected = new Promise((resolve) => client.once('connected', resolve));
  client.connect();
  await within('connecting to ZooKeeper', CONNECT_LIMIT_MS, connected);
  return new ZooKeeperClient(client);
}

class ZooKeeperClient implements Client {
  readonly #folders = new Set<string>();

  constructor(private readonly client: ZooKeeper) {}

  put(key: string, value: Uint8Array): Promise<unknown> {
    return call((done) => this.client.setData(pathOf(key), asBuffer(value), ANY_VERSION, done));
  }

  async insert(key: string, value: Uint8Array): Promise<unknown> {
    const path = pathOf(key);
    await this.#ensureFolder(path.slice(0, path.lastIndexOf('/')));
    try {
      return await call((done) => this.client.create(path, asBuffer(value), CreateMode.PERSISTENT, done));
    } catch (error) {
      if (isCode(error, Exception.NODE_EXISTS)) return this.put(key, value);
      throw error;
    }
  }

  /** Both requests leave at once: a session's requests are answered in order. */
  async get(key: string): Promise<Uint8Array | null> {
    const path = pathOf(key);
    const synced = sync(this.client, path);
    const [, value] = await Promise.all([
      synced,
      call<Buffer | undefined>((done) => this.client.getData(path, null, done)),
    ]);
    return value ?? null;
  }

  /** The parents of the queues. */
  async prepareLocks(names: readonly string[]): Promise<void> {
    const waiting = [...names];
    const worker = async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) await this.#ensureFolder(pathOf(name));
    };
    await Promise.all(Array.from({ length: CREATES_IN_FLIGHT }, worker));
  }

  /** The recipe of ZooKeeper's documentation: an ephemeral sequential node, and a watch on the one before it. */
  async acquire(name: string): Promise<HeldLock> {
    const queue = pathOf(name);
    const path = await call<string>((done) =>
      this.client.create(`${queue}/${LOCK_ENTRY_PREFIX}`, null, CreateMode.EPHEMERAL_SEQUENTIAL, done),
    );
    const own = path.slice(queue.length + 1);
    for (;;) {
      const entries = (await call<string[]>((done) => this.client.getChildren(queue, null, done))).toSorted();
      const predecessor = entries[entries.indexOf(own) - 1];
      if (predecessor === undefined) break;
      await this.#deletionOf(`${queue}/${predecessor}`);
    }
    return { release: () => call((done) => this.client.remove(path, ANY_VERSION, (error) => done(error, null))) };
  }

  /** Watches of ZooKeeper fire once and carry no value: changes during the reading are merged. */
  async watch(key: string, onValue: (value: Uint8Array) => void): Promise<void> {
    const path = pathOf(key);
    const read = async (): Promise<void> => {
      const onChange = () => void read().catch(() => undefined);
      const value = await call<Buffer | undefined>((done) => this.client.getData(path, onChange, done));
      if (value !== undefined) onValue(value);
    };
    await read();
  }

  announce(key: string, value: Uint8Array): Promise<unknown> {
    return this.put(key, value);
  }

  close(): Promise<void> {
    this.client.close();
    return Promise.resolve();
  }

  async #deletionOf(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      // A watch of a node that is gone already would wait for its creation; then there is nothing to wait for.
      this.client.exists(
        path,
        () => resolve(),
        (error, stat) => {
          if (error !== null) reject(error);
          else if (stat === null) resolve();
        },
      );
    });
  }

  async #ensureFolder(path: string): Promise<void> {
    if (path === '' || this.#folders.has(path)) return;
    await this.#ensureFolder(path.slice(0, path.lastIndexOf('/')));
    try {
      await call<string>((done) => this.client.create(path, null, CreateMode.PERSISTENT, done));
    } catch (error) {
      if (!isCode(error, Exception.NODE_EXISTS)) throw error;
    }
    this.#folders.add(path);
  }
}

function call<Result>(
  start: (done: (error: Error | null | undefined, result: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null || error === undefined ? resolve(result) : reject(error)));
  });
}

const pathOf = (key: string): string => `/${key}`;

const isCode = (error: unknown, code: number): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
