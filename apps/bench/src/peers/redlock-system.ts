import type { Redis } from 'ioredis';
import Redlock from 'redlock';
import { MEMBER_COUNT } from './member-group.js';
import { RedisServers, openRedis, redisProgram } from './redis-servers.js';
import type { Client, HeldLock, System } from './system.js';

const LOCK_TTL_MS = 10_000;
/** As in the README of redlock, except that it waits as long as it takes. */
const REDLOCK_OPTIONS = { driftFactor: 0.01, retryCount: -1, retryDelay: 200, retryJitter: 200 };

/** The redlock algorithm over three independent servers; locks without a fencing token. */
export const redlockSystem: System = {
  name: 'redlock',
  title: 'redlock on three Redis (ioredis)',
  abilities: ['lock'],
  ...redisProgram,
  create: (directory) =>
    RedisServers.create({
      directory,
      count: MEMBER_COUNT,
      client: async (ports) => new RedlockClient(await Promise.all(ports.map(openRedis))),
    }),
};

class RedlockClient implements Client {
  readonly #redlock: Redlock;

  constructor(private readonly servers: readonly Redis[]) {
    this.#redlock = new Redlock(servers, REDLOCK_OPTIONS);
  }

  async acquire(name: string): Promise<HeldLock> {
    const lock = await this.#redlock.lock(name, LOCK_TTL_MS);
    return { release: () => lock.unlock() };
  }

  prepareLocks(): Promise<void> {
    return Promise.resolve();
  }

  put(): Promise<unknown> {
    throw notForValues();
  }

  insert(): Promise<unknown> {
    throw notForValues();
  }

  get(): Promise<Uint8Array | null> {
    throw notForValues();
  }

  watch(): Promise<void> {
    throw notForValues();
  }

  announce(): Promise<unknown> {
    throw notForValues();
  }

  close(): Promise<void> {
    for (const server of this.servers) server.disconnect();
    return Promise.resolve();
  }
}

const notForValues = () => new Error('redlock is for locks alone');
