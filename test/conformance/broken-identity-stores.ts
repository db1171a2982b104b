import { logIndex, type LogIndex, type NodeId } from '@latchkey/raft';
import { MAX_REMEMBERED_CLAIMS } from '@latchkey/replica';
import type { IdentityStore, LossReason, NewHistory, PeerRecord, StoreIdentity } from '@latchkey/replica';
import { MemoryIdentityStore, type MemoryDisk } from '@latchkey/storage-memory';

/** A store that keeps the contract except for what a subclass breaks: the mistakes that adapters really make. */
class IdentityStoreOnDisk implements IdentityStore {
  protected readonly inner: MemoryIdentityStore;

  constructor(protected readonly disk: MemoryDisk) {
    this.inner = new MemoryIdentityStore(disk);
  }

  identify(): Promise<StoreIdentity> {
    return this.inner.identify();
  }

  keepClaim(epoch: number): Promise<void> {
    return this.inner.keepClaim(epoch);
  }

  rememberFounders(founders: readonly NodeId[]): Promise<void> {
    return this.inner.rememberFounders(founders);
  }

  rememberJoined(index: LogIndex): Promise<void> {
    return this.inner.rememberJoined(index);
  }

  rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    return this.inner.rememberPeers(records);
  }

  forgetPeers(nodes: readonly NodeId[]): Promise<void> {
    return this.inner.forgetPeers(nodes);
  }

  markLost(reason: LossReason): Promise<void> {
    return this.inner.markLost(reason);
  }

  wantVoteBack(node: NodeId): Promise<void> {
    return this.inner.wantVoteBack(node);
  }

  startAnew(history: NewHistory): Promise<void> {
    return this.inner.startAnew(history);
  }
}

class ForgetsThatItWantsItsVote extends IdentityStoreOnDisk {
  override async wantVoteBack(node: NodeId): Promise<void> {
    await super.forgetPeers([node]);
  }
}

class RemembersThatItHasItsVote extends IdentityStoreOnDisk {
  override async wantVoteBack(): Promise<void> {
    this.disk.identity.wantsVoteBack = true;
  }
}

class ForgetsThatItIsLost extends IdentityStoreOnDisk {
  override async markLost(): Promise<void> {}
}

class StaysLostForEver extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { lost } = this.disk.identity;
    await super.startAnew(history);
    this.disk.identity.lost = lost;
  }
}

class IsNamedAnewAtEachStart extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, storeId: `${found.storeId}-${found.epoch}` };
  }
}

class HasTheSameNameAsEveryOther extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    return { ...(await super.identify()), storeId: 'store' };
  }
}

class DoesNotCountItsOwners extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    return { ...(await super.identify()), epoch: 1 };
  }
}

class RemembersThePresentClaimAlone extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, claims: found.claims.slice(-1) };
  }
}

class ForgetsThePresentClaim extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, claims: found.claims.slice(0, -1) };
  }
}

class RepeatsAMark extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, claims: found.claims.map(({ epoch }) => ({ epoch, mark: found.claims[0]?.mark ?? 0 })) };
  }
}

class TakesTheEpochForAMark extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, claims: found.claims.map(({ epoch }) => ({ epoch, mark: epoch })) };
  }
}

class DrawsAMarkEachTimeItIsAsked extends IdentityStoreOnDisk {
  private asked = 0;

  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    this.asked += 1;
    return { ...found, claims: found.claims.map(({ epoch, mark }) => ({ epoch, mark: mark + this.asked })) };
  }
}

class RemembersTooFewClaims extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, claims: found.claims.slice(1 - MAX_REMEMBERED_CLAIMS) };
  }
}

class KeepsNoClaim extends IdentityStoreOnDisk {
  override async keepClaim(): Promise<void> {}
}

class KeepsEveryClaim extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    for (const { epoch } of this.disk.identity.claims) await this.inner.keepClaim(epoch);
    return super.identify();
  }
}

class KeepsAClaimOfAnother extends IdentityStoreOnDisk {
  override async keepClaim(epoch: number): Promise<void> {
    await super.keepClaim(epoch - 1);
  }
}

class KeepsTheClaimsThatAreGivenUp extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { claims } = this.disk.identity;
    await super.startAnew(history);
    this.disk.identity.claims = claims;
  }
}

class TakesATermForNothing extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const isNew = this.disk.entries.length === 0 && this.disk.checkpoint === null;
    return { ...(await super.identify()), isNew };
  }
}

class TakesASnapshotForNothing extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const { currentTerm } = this.disk.hardState;
    return { ...(await super.identify()), isNew: currentTerm === 0 && this.disk.entries.length === 0 };
  }
}

class IsOldOnceItRemembers extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, isNew: found.isNew && found.founders === null };
  }
}

class ForgetsTheFounders extends IdentityStoreOnDisk {
  override async rememberFounders(): Promise<void> {}
}

class ForgetsWhereItJoined extends IdentityStoreOnDisk {
  override async rememberJoined(): Promise<void> {}
}

class KeepsWhereItWasToldLastThatItJoined extends IdentityStoreOnDisk {
  override async rememberJoined(index: LogIndex): Promise<void> {
    await super.rememberJoined(index);
    this.disk.identity.joinedIndex = index;
  }
}

class KeepsTheFirstRecord extends IdentityStoreOnDisk {
  override async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    await super.rememberPeers(records.filter(({ node }) => !this.disk.identity.peers.has(node)));
  }
}

class KeepsTheHighestRecord extends IdentityStoreOnDisk {
  override async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    const { peers } = this.disk.identity;
    await super.rememberPeers(records.filter(({ node, lastIndex }) => lastIndex >= (peers.get(node)?.lastIndex ?? 0)));
  }
}

class ReplacesAllRecords extends IdentityStoreOnDisk {
  override async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    this.disk.identity.peers.clear();
    await super.rememberPeers(records);
  }
}

class KeepsThirtyTwoBits extends IdentityStoreOnDisk {
  override async identify(): Promise<StoreIdentity> {
    const found = await super.identify();
    return { ...found, peers: found.peers.map((record) => ({ ...record, epoch: record.epoch | 0 })) };
  }
}

class NeverForgets extends IdentityStoreOnDisk {
  override async forgetPeers(): Promise<void> {}
}

class ForgetsEverybody extends IdentityStoreOnDisk {
  override async forgetPeers(): Promise<void> {
    this.disk.identity.peers.clear();
  }
}

class KeepsTheLogThatIsGivenUp extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { entries, base } = this.disk;
    await super.startAnew(history);
    Object.assign(this.disk, { entries, base });
  }
}

class KeepsTheCheckpointThatIsGivenUp extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { checkpoint } = this.disk;
    await super.startAnew(history);
    this.disk.checkpoint = checkpoint;
  }
}

class KeepsTheVoteThatIsGivenUp extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { hardState } = this.disk;
    await super.startAnew(history);
    this.disk.hardState = hardState;
  }
}

class StaysAFounder extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    const { founders } = this.disk.identity;
    await super.startAnew(history);
    this.disk.identity.founders = founders;
  }
}

class ForgetsThePeersWithItsHistory extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    await super.startAnew(history);
    this.disk.identity.peers.clear();
  }
}

class ForgetsThatItWantsItsVoteBack extends IdentityStoreOnDisk {
  override startAnew(history: NewHistory): Promise<void> {
    return super.startAnew({ ...history, wantsVoteBack: false });
  }
}

class JoinsAtTheBeginning extends IdentityStoreOnDisk {
  override async startAnew(history: NewHistory): Promise<void> {
    await super.startAnew(history);
    this.disk.identity.joinedIndex = logIndex(0);
  }
}

class KeepsItsNameWithoutItsHistory extends IdentityStoreOnDisk {
  override startAnew(history: NewHistory): Promise<void> {
    return super.startAnew({ ...history, storeId: this.disk.identity.storeId });
  }
}

/** Writes past the check of ownership. */
class IsNotFenced extends IdentityStoreOnDisk {
  override async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    for (const record of records) this.disk.identity.peers.set(record.node, record);
  }
}

export const BROKEN_IDENTITY_STORES = [
  IsNamedAnewAtEachStart,
  HasTheSameNameAsEveryOther,
  DoesNotCountItsOwners,
  RemembersThePresentClaimAlone,
  ForgetsThePresentClaim,
  RepeatsAMark,
  TakesTheEpochForAMark,
  DrawsAMarkEachTimeItIsAsked,
  RemembersTooFewClaims,
  KeepsNoClaim,
  KeepsEveryClaim,
  KeepsAClaimOfAnother,
  KeepsTheClaimsThatAreGivenUp,
  TakesATermForNothing,
  TakesASnapshotForNothing,
  IsOldOnceItRemembers,
  ForgetsTheFounders,
  ForgetsWhereItJoined,
  KeepsWhereItWasToldLastThatItJoined,
  KeepsTheFirstRecord,
  KeepsTheHighestRecord,
  ReplacesAllRecords,
  KeepsThirtyTwoBits,
  NeverForgets,
  ForgetsEverybody,
  KeepsTheLogThatIsGivenUp,
  KeepsTheCheckpointThatIsGivenUp,
  KeepsTheVoteThatIsGivenUp,
  StaysAFounder,
  ForgetsThePeersWithItsHistory,
  ForgetsThatItWantsItsVoteBack,
  JoinsAtTheBeginning,
  KeepsItsNameWithoutItsHistory,
  ForgetsThatItIsLost,
  ForgetsThatItWantsItsVote,
  RemembersThatItHasItsVote,
  StaysLostForEver,
  IsNotFenced,
] as const;
