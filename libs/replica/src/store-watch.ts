import {
  logIndex,
  type LogIndex,
  type Membership,
  type MembershipChange,
  type NodeId,
  type SnapshotMeta,
} from '@latchkey/raft';
import type { RequestedInput } from './driver-calls.js';
import { hasItsVote, HistoryReleases, type LeaderMembership } from './history-releases.js';
import type { LeaderView } from './leader-view.js';
import { PeerStores } from './peer-stores.js';
import type { IdentityMessage, StoreClaim, StoreVerdict } from './ports/identity-messages.js';
import type { PeerMessage } from './ports/peer-transport.js';
import type { IdentityStore, PeerRecord, StoreId, StoreIdentity } from './ports/identity-store.js';
import { hasVote, isMemberOf, votersOf } from './quorum-of.js';
import { markOf } from './remembered-claims.js';
import { isRecoverable } from './store-reload.js';
import { wantsItsVoteBack, type StorePosition, type StoreStanding } from './store-standing.js';

/** What the identity of a node needs of the driver around it. */
export interface StoreWatchHost {
  send(to: NodeId, message: IdentityMessage): void;
  connectedPeers(): readonly NodeId[];
  /** What the own store would show after a restart; null before the node took part. */
  position(): StorePosition | null;
  /** Null before the core was built for the first time. */
  readonly view: LeaderView | null;
  /** The latest membership of the log; null while no core runs. */
  latestMembership(): Membership | null;
  give(input: RequestedInput): void;
  changeMembership(change: MembershipChange): Promise<unknown>;
  confirmLeadership(): Promise<void>;
  nowMs(): number;
  schedule(): void;
  warn(message: string, details: Readonly<Record<string, unknown>>): void;
}

export type StoreWatchOptions = {
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly store: IdentityStore;
  readonly identity: StoreIdentity;
  readonly standing: StoreStanding;
  /** What the store has shown when it was loaded. */
  readonly loaded: StorePosition;
  readonly host: StoreWatchHost;
  /** This node has its vote again. */
  readonly onVoteRegained: () => void;
};

export type ReceivedRaft = Extract<PeerMessage, { readonly type: 'raft' }>;

type StoreClaimMessage = Extract<IdentityMessage, { readonly type: 'storeClaim' }>;

/** What a node knows of the stores of the others, and lets them know of its own (FAILURE-MODES 32). */
export class StoreWatch {
  readonly peers: PeerStores;
  readonly releases: HistoryReleases;
  private isRunning = false;
  private committed: Membership;
  private committedIndex = logIndex(0);
  private wantsVote: boolean;
  private lastClaim = '';
  /** That is done or under way, or cannot be done. */
  private keepsClaim = false;
  /** Whose store was another one than is known. */
  private readonly doubted = new Set<NodeId>();
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly options: StoreWatchOptions) {
    const { nodeId, identity, standing, host, incarnation } = options;
    this.peers = new PeerStores(identity.peers.filter(({ node }) => node !== nodeId));
    this.committed = standing.initialMembership;
    this.wantsVote = wantsItsVoteBack(identity, nodeId);
    this.releases = new HistoryReleases({
      incarnation,
      send: (to, message) => host.send(to, message),
      changeMembership: (change) => host.changeMembership(change),
      confirmLeadership: () => host.confirmLeadership(),
      schedule: () => host.schedule(),
      warn: (message, details) => host.warn(message, details),
    });
  }

  /** Whether this node had a vote, and is to have it again. */
  get wantsVoteBack(): boolean {
    return this.wantsVote;
  }

  /** The cluster exists, as far as this node knows. */
  get hasFounded(): boolean {
    const { identity, standing } = this.options;
    if (!identity.isNew || identity.founders !== null || this.committedIndex > 0) return true;
    // One that joins may run before there is a cluster.
    return this.isRunning && standing.kind !== 'joining';
  }

  /** The node takes part from here on. */
  begin(checkpoint: SnapshotMeta | null): void {
    this.isRunning = true;
    if (checkpoint === null) return;
    this.committed = checkpoint.membership;
    this.forget(this.peers.forgetAllBut(votersOf(this.committed), checkpoint.index));
  }

  /**
   * The first voters, before the first message of Raft. Their stores first: who has founders and does not remember the
   * stores takes those that are still new for wiped ones. @throws LogStoreError
   */
  async rememberFounders(founders: readonly NodeId[], nowMs: number): Promise<void> {
    const { store, identity } = this.options;
    this.peers.foundersAre(founders);
    await store.rememberPeers(this.peers.takeAll(nowMs));
    if (identity.founders === null) await store.rememberFounders(founders);
  }

  claim(): StoreClaim {
    const { identity, host, loaded } = this.options;
    const { storeId, epoch, claims, founders } = identity;
    const position = host.position() ?? loaded;
    const isUnused = identity.isNew && position.term === 0 && position.lastIndex === 0;
    // Who knows with whom it founded the cluster has not lost everything, whether it came to use its store or not.
    const isNew = isUnused && (founders === null || founders.length === 0);
    return { storeId, epoch, claims, takesPart: this.isRunning, isNew, ...position };
  }

  /** @returns the verdict, which the other is told if it wants to know */
  takeClaim(from: NodeId, { claim, wantsVerdict }: StoreClaimMessage): StoreVerdict {
    const { host } = this.options;
    const isVoter = this.mayVote(from);
    const context = { isVoter, hasFounded: this.hasFounded, knownIndex: this.committedIndex };
    const { verdict, isAnother, isUnplaced } = this.peers.judge(from, claim, context);
    if (verdict === 'welcome') {
      this.releases.welcomed(from, claim.storeId);
      if (isAnother && this.isRunning) host.give({ type: 'peerStoreReplaced', peer: from });
      this.write();
    }
    const hasNoVote = claim.isNew && this.hasFounded && !isVoter;
    const told = this.isStranger(from, claim) ? 'notMember' : hasNoVote ? 'noVote' : verdict;
    // What a node remembers that does not take part itself may be of long ago: others have seen more.
    const isDoubtful = isUnplaced && !this.isRunning && told === 'behind';
    if (wantsVerdict && !isDoubtful) this.tellVerdict(from, claim, told);
    return verdict;
  }

  /** Whether what the message says counts; who it is of is asked when that is not clear. */
  heard(from: NodeId, { message, storeTag }: ReceivedRaft): boolean {
    const isKnown = storeTag === undefined || this.peers.isKnownStore(from, storeTag);
    if (isKnown) this.peers.heard(from, message);
    else this.doubted.add(from);
    return isKnown;
  }

  membershipCommitted(index: LogIndex, membership: Membership): void {
    this.committed = membership;
    this.committedIndex = index;
    const voters = votersOf(membership);
    this.ask(this.peers.votersAre(voters, index));
    this.forget(this.peers.forgetAllBut(voters, index));
  }

  /**
   * The log was replaced by a snapshot: memberships that are now missing may have taken votes and given them back, so that
   * what is remembered may be of stores that were given up since.
   */
  jumped(): void {
    this.forget(this.peers.forgetAllBut([], null));
    this.ask(this.options.host.connectedPeers());
  }

  /** About once a second: what has changed is told and written down. */
  beat(): void {
    const { host } = this.options;
    const claim = this.claim();
    const text = JSON.stringify(claim);
    if (text !== this.lastClaim) {
      this.lastClaim = text;
      for (const peer of host.connectedPeers()) host.send(peer, { type: 'storeClaim', claim, wantsVerdict: false });
    }
    this.write();
    this.keepClaim();
    this.ask([...this.doubted]);
    this.doubted.clear();
    if (this.wantsVote) this.askForVote();
  }

  /** A leader says that this node has its vote again. */
  voteGiven(storeIdOfNode: StoreId): void {
    const { nodeId, identity, store, onVoteRegained } = this.options;
    const isSo = storeIdOfNode === identity.storeId && this.committed.voters.includes(nodeId);
    if (!this.wantsVote || !isSo) return;
    this.wantsVote = false;
    const { term, keptIndex } = this.claim();
    const { storeId, epoch, claims } = identity;
    const knownIndex = this.committedIndex;
    const record = {
      node: nodeId,
      storeId,
      epoch,
      mark: markOf(claims, epoch),
      term,
      lastIndex: keptIndex,
      knownIndex,
    };
    this.afterWrites(() => store.rememberPeers([record]));
    onVoteRegained();
  }

  /** What this node knows as a leader; null when it does not lead. */
  leaderMembership(): LeaderMembership | null {
    const { view } = this.options.host;
    const latest = this.options.host.latestMembership();
    return latest === null || view?.role !== 'leader'
      ? null
      : { view, latest, committed: this.committed, membershipIndex: this.membershipIndex };
  }

  /** Of the latest membership that is known to be committed, or was found in the log at the start. */
  private get membershipIndex(): LogIndex {
    const { membershipIndex } = this.options.standing;
    return this.committedIndex > membershipIndex ? this.committedIndex : membershipIndex;
  }

  /** Resolves when no call to the store is under way. */
  idle(): Promise<void> {
    return this.writing;
  }

  private askForVote(): void {
    const { host, nodeId, identity } = this.options;
    const own = this.leaderMembership();
    const leaderId = host.view?.leaderId ?? null;
    // Who leads has all that is committed in its log.
    if (own !== null && hasItsVote(own, nodeId)) this.voteGiven(identity.storeId);
    // Also when it seems to have it: what it has committed so far may be of before the vote was taken.
    else if (leaderId !== null && leaderId !== nodeId) {
      host.send(leaderId, { type: 'voteWanted', storeId: identity.storeId });
    }
  }

  private mayVote(node: NodeId): boolean {
    if (!this.isRunning) return this.options.standing.possibleVoters.includes(node);
    const latest = this.options.host.latestMembership();
    return hasVote(this.committed, node) || (latest !== null && hasVote(latest, node));
  }

  /** The cluster goes on without it. A new node waits to be added. */
  private isStranger(node: NodeId, { isNew }: StoreClaim): boolean {
    const latest = this.options.host.latestMembership();
    if (isNew || latest === null || this.committedIndex === 0) return false;
    return !isMemberOf(this.committed, node) && !isMemberOf(latest, node);
  }

  private tellVerdict(to: NodeId, { storeId, epoch, isNew }: StoreClaim, verdict: StoreVerdict): void {
    const { hasFounded } = this;
    const { host, standing } = this.options;
    const { membershipIndex } = this;
    const membership = this.committedIndex === membershipIndex ? this.committed : standing.membership;
    const founderStores = isNew && hasFounded && verdict === 'welcome' ? this.peers.voterStores() : [];
    const known = { hasFounded, membership, membershipIndex, founderStores };
    host.send(to, { type: 'storeVerdict', storeId, epoch, verdict, ...known });
  }

  /** Who is asked for a verdict says first who it is. */
  private ask(peers: readonly NodeId[]): void {
    const { host } = this.options;
    const claim = this.claim();
    for (const peer of peers) host.send(peer, { type: 'storeClaim', claim, wantsVerdict: true });
  }

  private forget(gone: readonly NodeId[]): void {
    if (gone.length > 0) this.afterWrites(() => this.options.store.forgetPeers(gone));
  }

  private write(): void {
    if (!this.isRunning) return;
    const due = this.peers.takeDue(this.options.host.nowMs());
    if (due.length > 0) this.save(due);
  }

  /** Until it has worked, if it can: the others may know the store by this claim for a long time. */
  private keepClaim(): void {
    if (this.keepsClaim) return;
    this.keepsClaim = true;
    const { store, identity } = this.options;
    this.afterWrites(async () => {
      try {
        await store.keepClaim(identity.epoch);
      } catch (error) {
        this.keepsClaim = !isRecoverable(error);
        throw error;
      }
    });
  }

  private save(records: readonly PeerRecord[]): void {
    this.afterWrites(async () => {
      try {
        await this.options.store.rememberPeers(records);
      } catch (error) {
        this.peers.notSaved(records);
        throw error;
      }
    });
  }

  /** One after the other. What fails is not needed now: the log store will say what is wrong with the database. */
  private afterWrites(write: () => Promise<void>): void {
    this.writing = this.writing.then(write).catch((error: unknown) => {
      this.options.host.warn('what is known of the stores of others could not be written', { error: String(error) });
    });
  }
}
