import { existsSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePorts } from './free-ports.js';
import { findProgram, requireProgram } from './installed-program.js';
import { MEMBER_COUNT, MemberGroup, type MemberPlan } from './member-group.js';
import { pollFor } from './poll.js';
import type { Client, Cluster, Member, Purpose, System } from './system.js';
import { connectZooKeeper } from './zookeeper-client.js';

const JAR_FOLDER = '/usr/share/java';
const JAR = `${JAR_FOLDER}/zookeeper.jar`;
/** The jar's manifest names its other libraries; only a logger is missing. */
const CLASS_PATH = [JAR, `${JAR_FOLDER}/slf4j-simple.jar`].join(':');
/** As zkEnv.sh of the distribution. */
const HEAP = '-Xmx1000m';
const SETTLE_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 1_000;

/** ZooKeeper with the settings of its example zoo.cfg, and no limit on the connections of one address. */
export const zookeeperSystem: System = {
  name: 'zookeeper',
  title: 'ZooKeeper (node-zookeeper-client)',
  abilities: ['kv', 'lock', 'watch', 'leader'],
  missing: () => {
    if (findProgram('java') === null) return 'java';
    return existsSync(JAR) ? null : `${JAR} (Debian: zookeeper)`;
  },
  version: async () => /zookeeper-(\d+\.\d+\.\d+)\.jar/.exec((await readdir(JAR_FOLDER)).join(' '))?.[1] ?? 'unknown',
  create: async (directory) => new ZooKeeperCluster(directory, await freePorts(3 * MEMBER_COUNT)),
};

class ZooKeeperCluster implements Cluster {
  readonly #group: MemberGroup;
  readonly #ports = new Map<string, number>();

  constructor(directory: string, ports: readonly number[]) {
    const portAt = (position: number) => ports[position] ?? 0;
    const ids = Array.from({ length: MEMBER_COUNT }, (_, position) => `m${position}`);
    const servers = ids.map(
      (_, position) =>
        `server.${position + 1}=127.0.0.1:${portAt(MEMBER_COUNT + position)}:${portAt(2 * MEMBER_COUNT + position)}`,
    );
    const plans = ids.map((id, position): MemberPlan => {
      this.#ports.set(id, portAt(position));
      const configFile = join(directory, `${id}.cfg`);
      const flags = ['-Dzookeeper.jmx.log4j.disable=true', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', HEAP];
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      return {
        id,
        command: requireProgram('java'),
        arguments: [...flags, '-cp', CLASS_PATH, main, configFile],
      };
    });
    this.#group = new MemberGroup(directory, plans);
    for (const [position, id] of ids.entries()) {
      writeFileSync(join(directory, id, 'myid'), String(position + 1));
      const settings = [
        'tickTime=2000',
        'initLimit=10',
        'syncLimit=5',
        `dataDir=${join(directory, id)}`,
        `clientPort=${portAt(position)}`,
        'clientPortAddress=127.0.0.1',
        'maxClientCnxns=0',
        'admin.enableServer=false',
        '4lw.commands.whitelist=srvr',
        ...servers,
      ];
      writeFileSync(join(directory, `${id}.cfg`), `${settings.join('\n')}\n`);
    }
  }

  async start(): Promise<void> {
    await this.revive();
    await this.settledLeader();
  }

  members(): readonly Member[] {
    return this.#group.running();
  }

  async connect(purpose: Purpose): Promise<Client> {
    const ports = purpose === 'load' ? [this.#portOf(await this.settledLeader())] : [...this.#ports.values()];
    return connectZooKeeper(ports.map((port) => `127.0.0.1:${port}`).join(','));
  }

  settledLeader(): Promise<Member> {
    return pollFor({
      what: 'three ZooKeeper members, one of them leading',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#group.assertAllRun(),
      read: async () => {
        const members = this.members();
        const modes = await Promise.all(members.map((member) => modeOf(this.#portOf(member))));
        if (modes.length < MEMBER_COUNT || modes.some((mode) => mode === null)) return null;
        return members[modes.indexOf('leader')] ?? null;
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

  #portOf(member: Member): number {
    return this.#ports.get(member.id) ?? 0;
  }
}

/** `leader` or `follower`, by the four-letter command `srvr`; null while it does not serve. */
function modeOf(port: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: ANSWER_LIMIT_MS });
    let answer = '';
    socket.on('connect', () => socket.write('srvr'));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', reject);
    socket.on('close', () => resolve(/^Mode: (\w+)$/m.exec(answer)?.[1] ?? null));
  });
}
