import type { Redis } from 'ioredis';
import { RedisServers, openRedis, redisProgram } from './redis-servers.js';
import type { Client, HeldLock, System } from './system.js';

/** One server without a replica: the ceiling of what a network service with fsync can do, not a peer in safety. */
export const redisSystem: System = {
  name: 'redis',
  title: 'Redis, one server, unreplicated (ioredis)',
  abilities: ['kv', 'watch'],
  ...redisProgram,
  create: (directory) =>
    RedisServers.create({ directory, count: 1, client: ([port = 0]) => RedisClient.connect(port) }),
};

class RedisClient implements Client {
  #subscriber: Promise<Redis> | null = null;

  private constructor(
    private readonly redis: Redis,
    private readonly port: number,
  ) {}

  static async connect(port: number): Promise<RedisClient> {
    return new RedisClient(await openRedis(port), port);
  }

  put(key: string, value: Uint8Array): Promise<unknown> {
    return this.redis.set(key, asBuffer(value));
  }

  insert(key: string, value: Uint8Array): Promise<unknown> {
    return this.put(key, value);
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.redis.getBuffer(key);
  }

  acquire(): Promise<HeldLock> {
    throw new Error('locks on Redis are measured as redlock');
  }

  prepareLocks(): Promise<void> {
    return Promise.resolve();
  }

  /** Publish/subscribe: a connection of its own, since a subscribed one takes no other commands. */
  async watch(key: string, onValue: (value: Uint8Array) => void): Promise<void> {
    this.#subscriber ??= openRedis(this.port);
    const subscriber = await this.#subscriber;
    subscriber.setMaxListeners(0);
    const channel = Buffer.from(key);
    subscriber.on('messageBuffer', (from: Buffer, value: Buffer) => {
      if (from.equals(channel)) onValue(value);
    });
    await subscriber.subscribe(key);
  }

  /** Both commands in one packet. */
  announce(key: string, value: Uint8Array): Promise<unknown> {
    const bytes = asBuffer(value);
    return this.redis.pipeline().set(key, bytes).publish(key, bytes).exec();
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    (await this.#subscriber)?.disconnect();
  }
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
