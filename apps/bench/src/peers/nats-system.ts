import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './free-ports.js';
import { findProgram, requireProgram, versionOf } from './installed-program.js';
import { MEMBER_COUNT, MemberGroup, type MemberPlan } from './member-group.js';
import { NatsClient } from './nats-client.js';
import { pollFor } from './poll.js';
import type { Client, Cluster, Member, Purpose, System } from './system.js';

const SETTLE_LIMIT_MS = 60_000;
const CONNECT_LIMIT_MS = 5_000;
const BUCKET = 'bench';
/** How the client names the stream of a bucket. */
const STREAM = `KV_${BUCKET}`;
/**
 * `allow_direct: false`: reads go to the stream's leader. (Direct reads may be answered by any replica and be stale; not even the
 * leader's asks a quorum.)
 */
const BUCKET_OPTIONS = { replicas: MEMBER_COUNT, history: 1, allow_direct: false };

/** Of a key with a history of one, a watcher never hears of a value that was overwritten before it was sent out. */
const WATCHED_BUCKET = 'watched';
const WATCHED_HISTORY = 64;

/** JetStream key-value with three replicas; every other setting at its default (acknowledged before fsync). */
export const natsSystem: System = {
  name: 'nats',
  title: 'NATS JetStream KV (@nats-io/kv)',
  abilities: ['kv', 'lock', 'watch', 'leader'],
  missing: () => (findProgram('nats-server') === null ? 'nats-server' : null),
  version: () => versionOf(requireProgram('nats-server'), '--version'),
  create: async (directory) => new NatsCluster(directory, await freePorts(2 * MEMBER_COUNT)),
};

class NatsCluster implements Cluster {
  readonly #group: MemberGroup;
  readonly #ports = new Map<string, number>();

  constructor(directory: string, ports: readonly number[]) {
    const portAt = (position: number) => ports[position] ?? 0;
    const ids = Array.from({ length: MEMBER_COUNT }, (_, position) => `m${position}`);
    const routes = ids.map((_, position) => `nats-route://127.0.0.1:${portAt(MEMBER_COUNT + position)}`);
    const plans = ids.map((id, position): MemberPlan => {
      this.#ports.set(id, portAt(position));
      const configFile = join(directory, `${id}.conf`);
      return { id, command: requireProgram('nats-server'), arguments: ['--config', configFile] };
    });
    this.#group = new MemberGroup(directory, plans);
    for (const [position, id] of ids.entries()) {
      const settings = [
        `server_name: ${id}`,
        `listen: 127.0.0.1:${portAt(position)}`,
        `jetstream { store_dir: "${join(directory, id)}" }`,
        `cluster { name: bench, listen: 127.0.0.1:${portAt(MEMBER_COUNT + position)}, routes: [${routes.join(', ')}] }`,
      ];
      writeFileSync(join(directory, `${id}.conf`), `${settings.join('\n')}\n`);
    }
  }

  async #createBuckets(): Promise<void> {
    await pollFor({
      what: 'JetStream to make its buckets',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#group.assertAllRun(),
      read: () =>
        this.#withConnection(async (connection) => {
          const kvm = new Kvm(connection);
          await kvm.create(BUCKET, BUCKET_OPTIONS);
          return kvm.create(WATCHED_BUCKET, { ...BUCKET_OPTIONS, history: WATCHED_HISTORY });
        }),
    });
  }

  async start(): Promise<void> {
    await this.revive();
    await this.#createBuckets();
    await this.settledLeader();
  }

  members(): readonly Member[] {
    return this.#group.running();
  }

  async connect(purpose: Purpose): Promise<Client> {
    const ports = purpose === 'load' ? [this.#portOf(await this.settledLeader())] : [...this.#ports.values()];
    const connection = await this.#connection(ports);
    const kvm = new Kvm(connection);
    const open = (bucket: string) => kvm.open(bucket, { allow_direct: false });
    return new NatsClient({ connection, bucket: await open(BUCKET), watched: await open(WATCHED_BUCKET) });
  }

  settledLeader(): Promise<Member> {
    return pollFor({
      what: 'three NATS servers that follow the leader of the bucket',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#group.assertAllRun(),
      read: async () => {
        const members = this.members();
        if (members.length < MEMBER_COUNT) return null;
        return this.#withConnection(async (connection) => {
          const streams = (await jetstreamManager(connection)).streams;
          const { leader, replicas = [] } = (await streams.info(STREAM)).cluster ?? {};
          const caughtUp = replicas.length === MEMBER_COUNT - 1 && replicas.every((replica) => replica.current);
          return caughtUp ? (members.find(({ id }) => id === leader) ?? null) : null;
        });
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

  async #withConnection<Result>(ask: (connection: NatsConnection) => Promise<Result>): Promise<Result> {
    const connection = await this.#connection([...this.#ports.values()]);
    try {
      return await ask(connection);
    } finally {
      await connection.close();
    }
  }

  #connection(ports: readonly number[]): Promise<NatsConnection> {
    const servers = ports.map((port) => `127.0.0.1:${port}`);
    return connect({ servers, timeout: CONNECT_LIMIT_MS, maxReconnectAttempts: -1 });
  }

  #portOf(member: Member): number {
    return this.#ports.get(member.id) ?? 0;
  }
}
