import type { Etcd3, Lease, Watcher } from 'etcd3';
import type { Client, HeldLock } from './system.js';

const LEASE_TTL_SECONDS = 30;
/** Watched, never written: it keeps the client's watch stream open between two waits for a lock. */
const STREAM_KEEPER_KEY = 'bench-watch-stream';

/**
 * npm etcd3. Its own `lock()` neither waits nor shares a lease, and is slower for that; locks here are the queue of etcd's Go client
 * (clientv3/concurrency: Session, Mutex), which is what other etcd clients use: one lease per client, one transaction to enter the
 * queue, a watch on the predecessor, one delete to leave.
 */
export class EtcdClient implements Client {
  #lease: Lease | null = null;
  #streamKeeper: Promise<Watcher> | null = null;

  constructor(private readonly etcd: Etcd3) {}

  put(key: string, value: Uint8Array): Promise<unknown> {
    return this.etcd.put(key).value(asBuffer(value)).exec();
  }

  insert(key: string, value: Uint8Array): Promise<unknown> {
    return this.put(key, value);
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.etcd.get(key).buffer();
  }

  async prepareLocks(): Promise<void> {
    await this.#leaseId();
  }

  async acquire(name: string): Promise<HeldLock> {
    const leaseId = await this.#leaseId();
    const queue = `${name}/`;
    const key = queue + BigInt(leaseId).toString(16);
    const entered = await this.etcd
      .if(key, 'Create', '==', 0)
      .then(
        this.etcd.put(key).value('').lease(leaseId),
        this.etcd.getAll().prefix(queue).sort('Create', 'Ascend').limit(1),
      )
      .commit();
    if (!entered.succeeded) throw new Error(`${key} is taken: one client may want a lock once at a time`);
    const first = entered.responses[1]?.response_range?.kvs[0]?.key.toString();
    if (first !== key) await this.#waitForPredecessors(queue, Number(entered.header.revision));
    return { release: () => this.etcd.delete().key(key).exec() };
  }

  async watch(key: string, onValue: (value: Uint8Array) => void): Promise<void> {
    const watcher = await this.etcd.watch().key(key).create();
    watcher.on('put', ({ value }) => onValue(value));
  }

  announce(key: string, value: Uint8Array): Promise<unknown> {
    return this.put(key, value);
  }

  close(): Promise<void> {
    // The lease is left to its TTL: the cluster is thrown away.
    this.#lease?.release();
    this.etcd.close();
    return Promise.resolve();
  }

  #leaseId(): Promise<string> {
    this.#lease ??= this.etcd.lease(LEASE_TTL_SECONDS);
    return this.#lease.grant();
  }

  /** As waitDeletes of the Go client: the youngest of the older entries, until there is none. */
  async #waitForPredecessors(queue: string, ownRevision: number): Promise<void> {
    for (;;) {
      const older = this.etcd
        .getAll()
        .prefix(queue)
        .maxCreateRevision(ownRevision - 1);
      const { kvs, header } = await older.sort('Create', 'Descend').limit(1).exec();
      const [predecessor] = kvs;
      if (predecessor === undefined) return;
      await this.#deletionOf(predecessor.key, Number(header.revision) + 1);
    }
  }

  async #deletionOf(key: Buffer, fromRevision: number): Promise<void> {
    this.#streamKeeper ??= this.etcd.watch().key(STREAM_KEEPER_KEY).create();
    await this.#streamKeeper;
    const creation = this.etcd.watch().key(key).startRevision(String(fromRevision));
    const watcher = creation.watcher();
    await new Promise((resolve) => watcher.on('delete', resolve));
    watcher.cancel().catch(() => undefined);
  }
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
