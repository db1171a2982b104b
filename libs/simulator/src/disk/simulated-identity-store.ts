import type { LogIndex, NodeId } from '@latchkey/raft';
import type { IdentityStore, LossReason, NewHistory, PeerRecord, StoreIdentity } from '@latchkey/replica';
import type { DiskAccess } from './disk-access.js';
import type { ImageIdentity } from './disk-image.js';

/** Who the store of one process is, on a disk that outlives it. */
export class SimulatedIdentityStore implements IdentityStore {
  constructor(private readonly access: DiskAccess) {}

  identify(): Promise<StoreIdentity> {
    return this.access.read(() => {
      const { identity, isNew } = this.image;
      const claims = identity.claims.map(({ epoch, mark }) => ({ epoch, mark }));
      return { ...identity, claims, isNew, peers: [...identity.peers.values()] };
    });
  }

  keepClaim(epoch: number): Promise<void> {
    return this.change(({ claims }) => ({
      claims: claims.map((claim) => (claim.epoch === epoch ? { ...claim, isKept: true } : claim)),
    }));
  }

  rememberFounders(founders: readonly NodeId[]): Promise<void> {
    return this.change(() => ({ founders: [...founders] }));
  }

  rememberJoined(index: LogIndex): Promise<void> {
    return this.change(({ joinedIndex }) => ({ joinedIndex: index > joinedIndex ? index : joinedIndex }));
  }

  rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    return this.change(({ peers }) => ({
      peers: new Map([...peers, ...records.map((record) => [record.node, record] as const)]),
    }));
  }

  forgetPeers(nodes: readonly NodeId[]): Promise<void> {
    return this.change(({ peers }) => ({ peers: new Map([...peers].filter(([node]) => !nodes.includes(node))) }));
  }

  markLost(reason: LossReason): Promise<void> {
    return this.change(({ lost }) => ({ lost: lost ?? reason }));
  }

  wantVoteBack(node: NodeId): Promise<void> {
    return this.change(({ peers }) => ({
      wantsVoteBack: true,
      peers: new Map([...peers].filter(([each]) => each !== node)),
    }));
  }

  startAnew(history: NewHistory): Promise<void> {
    return this.access.write('identity', () => {
      const { image } = this;
      this.access.world.onBegunAnew();
      image.wipe();
      image.historyCount += 1;
      const { epoch } = image.identity;
      const claims = [{ epoch, mark: this.access.world.newMark(), isKept: false }];
      image.identity = { ...image.identity, ...history, claims, founders: [], lost: null };
    });
  }

  private change(changed: (identity: ImageIdentity) => Partial<ImageIdentity>): Promise<void> {
    return this.access.write('identity', () => {
      this.image.identity = { ...this.image.identity, ...changed(this.image.identity) };
    });
  }

  private get image(): DiskAccess['disk']['image'] {
    return this.access.disk.image;
  }
}
