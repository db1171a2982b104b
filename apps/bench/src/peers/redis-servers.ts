import { Redis } from 'ioredis';
import { join } from 'node:path';
import { findProgram, requireProgram, versionOf } from './installed-program.js';
import { MemberGroup, type MemberPlan } from './member-group.js';
import { freePorts } from './free-ports.js';
import { pollFor } from './poll.js';
import type { Client, Cluster, Member } from './system.js';

const PROGRAM = 'redis-server';
const SETTLE_LIMIT_MS = 60_000;

export const redisProgram = {
  missing: (): string | null => (findProgram(PROGRAM) === null ? PROGRAM : null),
  version: (): Promise<string> => versionOf(requireProgram(PROGRAM), '--version'),
};

/** Servers that know nothing of each other, each with its append-only file synced before every answer. */
export class RedisServers implements Cluster {
  readonly #group: MemberGroup;

  static async create(options: {
    readonly directory: string;
    readonly count: number;
    readonly client: (ports: readonly number[]) => Promise<Client>;
  }): Promise<RedisServers> {
    return new RedisServers(options.directory, await freePorts(options.count), options.client);
  }

  private constructor(
    directory: string,
    private readonly ports: readonly number[],
    private readonly client: (ports: readonly number[]) => Promise<Client>,
  ) {
    const plans = ports.map((port, position): MemberPlan => {
      const id = `m${position}`;
      const settings = {
        port: String(port),
        bind: '127.0.0.1',
        dir: join(directory, id),
        appendonly: 'yes',
        appendfsync: 'always',
        save: '',
      };
      const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      return { id, command: requireProgram(PROGRAM), arguments: words };
    });
    this.#group = new MemberGroup(directory, plans);
  }

  async start(): Promise<void> {
    await this.revive();
    await this.settledLeader();
  }

  members(): readonly Member[] {
    return this.#group.running();
  }

  connect(): Promise<Client> {
    return this.client(this.ports);
  }

  /** There is none: the first member, once all answer. */
  settledLeader(): Promise<Member> {
    return pollFor({
      what: 'Redis to answer',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#group.assertAllRun(),
      read: async () => {
        await Promise.all(this.ports.map(ping));
        return this.members()[0] ?? null;
      },
    });
  }

  revive(): Promise<void> {
    return this.#group.revive();
  }

  halt(): Promise<void> {
    return this.#group.halt();
  }

  stop(): Promise<void> {
    return this.#group.kill();
  }
}

/** A connection that is open. */
export async function openRedis(port: number): Promise<Redis> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  redis.on('error', () => undefined);
  await redis.connect();
  return redis;
}

/** Answers only when the append-only file has been read. */
async function ping(port: number): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}
