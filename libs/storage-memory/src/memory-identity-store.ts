import { invariant, logIndex, term, type LogIndex, type NodeId } from '@latchkey/raft';
import {
  LogStoreError,
  type IdentityStore,
  type LossReason,
  type NewHistory,
  type PeerRecord,
  type StoreIdentity,
} from '@latchkey/replica';
import type { MemoryDisk, MemoryProcess } from './memory-disk.js';

/**
 * The identity of a memory disk, of the same process as the `MemoryLogStore` that is made on it beside this one.
 * Keeps every duty of the port except that a disk is only memory.
 */
export class MemoryIdentityStore implements IdentityStore {
  private readonly process: MemoryProcess;

  constructor(private readonly disk: MemoryDisk) {
    this.process = disk.join('identity');
  }

  async identify(): Promise<StoreIdentity> {
    this.assertOwner();
    const { isNew, identity } = this.disk;
    const claims = identity.claims.map(({ epoch, mark }) => ({ epoch, mark }));
    return { ...identity, claims, isNew, peers: [...identity.peers.values()] };
  }

  async keepClaim(epoch: number): Promise<void> {
    this.assertOwner();
    const { identity } = this.disk;
    identity.claims = identity.claims.map((claim) => (claim.epoch === epoch ? { ...claim, isKept: true } : claim));
  }

  async rememberFounders(founders: readonly NodeId[]): Promise<void> {
    this.assertOwner();
    invariant(this.disk.identity.founders === null, 'founders are remembered already');
    this.disk.identity.founders = [...founders];
  }

  async rememberJoined(index: LogIndex): Promise<void> {
    this.assertOwner();
    const { identity } = this.disk;
    if (index > identity.joinedIndex) identity.joinedIndex = index;
  }

  async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    this.assertOwner();
    for (const record of records) this.disk.identity.peers.set(record.node, record);
  }

  async forgetPeers(nodes: readonly NodeId[]): Promise<void> {
    this.assertOwner();
    for (const node of nodes) this.disk.identity.peers.delete(node);
  }

  async markLost(reason: LossReason): Promise<void> {
    this.assertOwner();
    this.disk.identity.lost ??= reason;
  }

  async wantVoteBack(node: NodeId): Promise<void> {
    this.assertOwner();
    this.disk.identity.wantsVoteBack = true;
    this.disk.identity.peers.delete(node);
  }

  async startAnew(history: NewHistory): Promise<void> {
    this.assertOwner();
    const { disk } = this;
    disk.hardState = { currentTerm: term(0), votedFor: null };
    disk.base = { index: logIndex(0), term: term(0) };
    disk.entries = [];
    disk.checkpoint = null;
    disk.isDamaged = false;
    Object.assign(disk.identity, { ...history, claims: [], founders: [], lost: null });
    disk.rememberClaim();
  }

  private assertOwner(): void {
    invariant(!this.process.isClosed, 'a closed store was used');
    if (this.disk.owner === this.process) return;
    throw new LogStoreError('fenced', 'another process has loaded this disk since, or this one has not yet');
  }
}
