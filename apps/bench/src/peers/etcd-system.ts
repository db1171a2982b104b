import { Etcd3 } from 'etcd3';
import { join } from 'node:path';
import { EtcdClient } from './etcd-client.js';
import { freePorts } from './free-ports.js';
import { findProgram, requireProgram, versionOf } from './installed-program.js';
import { MEMBER_COUNT, MemberGroup, type MemberPlan } from './member-group.js';
import { pollFor } from './poll.js';
import type { Client, Cluster, Member, Purpose, System } from './system.js';

const SETTLE_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 1_000;
const DIAL_TIMEOUT_MS = 5_000;

/** etcd as its documentation starts a static cluster; every setting at its default. */
export const etcdSystem: System = {
  name: 'etcd',
  title: 'etcd (npm etcd3)',
  abilities: ['kv', 'lock', 'watch', 'leader'],
  missing: () => (findProgram('etcd') === null ? 'etcd (Debian: etcd-server)' : null),
  version: () => versionOf(requireProgram('etcd'), '--version'),
  create: async (directory) => new EtcdCluster(directory, await freePorts(2 * MEMBER_COUNT)),
};

class EtcdCluster implements Cluster {
  readonly #group: MemberGroup;
  readonly #urls = new Map<string, string>();

  constructor(directory: string, ports: readonly number[]) {
    const ids = Array.from({ length: MEMBER_COUNT }, (_, position) => `m${position}`);
    const urlAt = (position: number) => `http://127.0.0.1:${ports[position] ?? 0}`;
    const peerUrls = ids.map((_, position) => urlAt(MEMBER_COUNT + position));
    const initialCluster = ids.map((id, position) => `${id}=${peerUrls[position] ?? ''}`).join(',');
    const plans = ids.map((id, position): MemberPlan => {
      const [clientUrl, peerUrl] = [urlAt(position), peerUrls[position] ?? ''];
      this.#urls.set(id, clientUrl);
      const flags = {
        name: id,
        'data-dir': join(directory, id),
        'listen-client-urls': clientUrl,
        'advertise-client-urls': clientUrl,
        'listen-peer-urls': peerUrl,
        'initial-advertise-peer-urls': peerUrl,
        'initial-cluster': initialCluster,
        logger: 'zap',
      };
      const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
      return { id, command: requireProgram('etcd'), arguments: words };
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

  async connect(purpose: Purpose): Promise<Client> {
    const hosts = purpose === 'load' ? this.#urlOf(await this.settledLeader()) : [...this.#urls.values()];
    return new EtcdClient(new Etcd3({ hosts, dialTimeout: DIAL_TIMEOUT_MS }));
  }

  settledLeader(): Promise<Member> {
    return pollFor({
      what: 'three etcd members that follow one leader',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#group.assertAllRun(),
      read: async () => {
        const members = this.members();
        const views = await Promise.all(members.map((member) => statusOf(this.#urlOf(member))));
        const [first] = views;
        if (views.length < MEMBER_COUNT || first === undefined || first.leader === '0') return null;
        if (views.some(({ leader }) => leader !== first.leader)) return null;
        return members[views.findIndex(({ memberId }) => memberId === first.leader)] ?? null;
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

  #urlOf(member: Member): string {
    return this.#urls.get(member.id) ?? '';
  }
}

async function statusOf(clientUrl: string): Promise<{ readonly memberId: string; readonly leader: string }> {
  const limit = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const response = await fetch(`${clientUrl}/v3/maintenance/status`, { method: 'POST', body: '{}', signal: limit });
  const { header, leader = '0' } = (await response.json()) as { header: { member_id: string }; leader?: string };
  return { memberId: header.member_id, leader };
}
