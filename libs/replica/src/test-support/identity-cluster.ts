import { MemoryDisk } from '@latchkey/storage-memory';
import type { PeerMessage } from '../ports/peer-transport.js';
import { ELECTION_TIMEOUT_MS, TestCluster, type TestNode } from './test-cluster.js';

const CHECKPOINTS = { everyEntries: 20, trailingEntries: 5 };
/** Commands of a cluster that has begun. */
export const MANY = 60;
/** Long enough for anything that is going to happen. */
export const LONG_MS = 20 * ELECTION_TIMEOUT_MS;

/** A cluster whose nodes look at who the stores of the others are. */
export class IdentityCluster extends TestCluster {
  constructor(size = 3) {
    super(size, CHECKPOINTS, true);
  }

  /** With `MANY` commands at every node. @returns the leader */
  async begun(): Promise<TestNode> {
    await this.start();
    const leader = await this.agreedLeader();
    await this.write(leader, MANY);
    await this.converged(MANY);
    return leader;
  }

  async write(node: TestNode, count: number, prefix = 'c'): Promise<void> {
    for (let number = 0; number < count; number += 1) await this.outcome(node.propose(`${prefix}${number}`));
  }

  stopNode(node: TestNode): Promise<void> {
    return this.outcome(node.replica.stop());
  }

  others(node: TestNode): TestNode[] {
    return this.nodes.filter((other) => other !== node);
  }

  /** Everything that `node` says in Raft from now on, with whether the cluster counts on its store at that moment. */
  watchRaftMessages(node: TestNode, countsOnIt: () => boolean): string[] {
    const said: string[] = [];
    this.network.fateOf = (from, _to, message: PeerMessage) => {
      if (from === node.id && message.type === 'raft' && countsOnIt()) said.push(message.message.type);
      return 'deliver';
    };
    return said;
  }

  async isVoterAgain(node: TestNode): Promise<void> {
    await this.clock.until(() => {
      const { phase, rejoining } = node.replica.status();
      const leader = this.nodes.find((other) => other.replica.status().role === 'leader');
      const isSettled = leader?.replica.status().membership.votersOutgoing.length === 0;
      return phase === 'running' && rejoining === null && isSettled && isVoterAt(leader, node);
    });
  }
}

export const phaseOf = (node: TestNode): string => node.replica.status().phase;

export const isVoterAt = (leader: TestNode, node: TestNode): boolean =>
  leader.replica.status().membership.voters.includes(node.id);

/** What `disk` holds now, as a backup would keep it. */
export function backupOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk(disk.identity.storeId);
  const { hardState, base, entries, checkpoint } = disk;
  Object.assign(copy, { hardState, base, entries: [...entries] });
  copy.checkpoint = checkpoint === null ? null : { meta: checkpoint.meta, rows: new Map(checkpoint.rows) };
  const { peers, ...self } = disk.identity;
  Object.assign(copy.identity, self);
  for (const record of peers.values()) copy.identity.peers.set(record.node, record);
  return copy;
}
