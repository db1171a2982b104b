import { logIndex, term, type LogIndex, type NodeId, type RaftMessage, type Term } from '@latchkey/raft';
import { PEER_RECORD_SAVE_INTERVAL_MS } from './limits.js';
import type { FounderStore, StoreClaim, StoreVerdict } from './ports/identity-messages.js';
import type { PeerRecord } from './ports/identity-store.js';
import { markOf } from './remembered-claims.js';
import { storeTagOf } from './store-tag.js';

export type JudgedClaim = {
  readonly verdict: Exclude<StoreVerdict, 'notMember'>;
  /** It is not the store that was seen before, or shows less than it did. */
  readonly isAnother: boolean;
  /** It is refused for nothing but that it does not go back to what was seen: that may be long ago. */
  readonly isUnplaced: boolean;
};

/** What the judging node knows of the one that makes the claim. */
export type ClaimContext = {
  /** It may have a vote: others may count on what its store has promised. */
  readonly isVoter: boolean;
  /** The cluster has been founded: a voter has taken part, so that its store cannot be new. */
  readonly hasFounded: boolean;
  /** See `PeerRecord`. */
  readonly knownIndex: LogIndex;
};

const NONE = logIndex(0);

type Known = {
  record: PeerRecord;
  /** What is remembered durably; null when nothing is. */
  saved: PeerRecord | null;
  savedAtMs: number;
  isVoter: boolean;
  /** Of the record's store. */
  readonly storeTag: number;
};

/**
 * What this node has seen of the stores of the others, here and durably (FAILURE-MODES 32). Only voters are remembered
 * durably: nobody counts on the store of one without a vote.
 */
export class PeerStores {
  private readonly known = new Map<NodeId, Known>();

  /** @param records what is durable */
  constructor(records: readonly PeerRecord[]) {
    for (const record of records) {
      const storeTag = storeTagOf(record.storeId);
      this.known.set(record.node, { record, saved: record, savedAtMs: -Infinity, isVoter: true, storeTag });
    }
  }

  recordOf(node: NodeId): PeerRecord | null {
    return this.known.get(node)?.record ?? null;
  }

  /** Decides about the claim, and remembers it unless it is refused. */
  judge(node: NodeId, claim: StoreClaim, { isVoter, hasFounded, ...context }: ClaimContext): JudgedClaim {
    const seen = this.known.get(node);
    const isUnplaced = seen !== undefined && isUnplacedBy(claim, seen.record);
    const refusal = seen === undefined ? null : isUnplaced ? 'behind' : refusalOf(claim, seen.record);
    const isAnother = seen === undefined || refusal !== null;
    if (isVoter && refusal !== null) return { verdict: refusal, isAnother, isUnplaced };
    // A voter that has taken part and is new has lost everything.
    const hasShown = seen !== undefined && (seen.record.term > 0 || seen.record.lastIndex > 0);
    if (isVoter && claim.isNew && hasFounded && (seen === undefined || hasShown)) {
      return { verdict: seen === undefined ? 'unknown' : 'behind', isAnother, isUnplaced: false };
    }
    const { storeId, epoch } = claim;
    const isSameTerm = !isAnother && seen.record.term === claim.term;
    const lastIndex = isSameTerm ? maxIndex(seen.record.lastIndex, claim.keptIndex) : claim.keptIndex;
    const knownIndex = isAnother ? context.knownIndex : maxIndex(seen.record.knownIndex, context.knownIndex);
    const mark = markOf(claim.claims, epoch);
    const record = { node, storeId, epoch, mark, term: claim.term, lastIndex, knownIndex };
    this.known.set(node, {
      record,
      saved: seen?.saved ?? null,
      savedAtMs: seen?.savedAtMs ?? -Infinity,
      isVoter,
      storeTag: isAnother ? storeTagOf(storeId) : seen.storeTag,
    });
    return { verdict: 'welcome', isAnother, isUnplaced: false };
  }

  /** What others remember of founders that this node has not seen. */
  told(stores: readonly FounderStore[]): void {
    for (const store of stores) {
      if (this.known.has(store.node)) continue;
      const record = { ...store, term: term(0), lastIndex: NONE, knownIndex: NONE };
      const storeTag = storeTagOf(store.storeId);
      this.known.set(store.node, { record, saved: null, savedAtMs: -Infinity, isVoter: true, storeTag });
    }
  }

  voterStores(): readonly FounderStore[] {
    const voters = [...this.known.values()].filter(({ isVoter }) => isVoter);
    return voters.map(({ record: { node, storeId, epoch, mark } }) => ({ node, storeId, epoch, mark }));
  }

  /**
   * Whether what a store says counts: not when another one is known of the node. Somebody who was away may still take a node
   * for a voter that has left since, forgotten all, and come back under its name.
   */
  isKnownStore(node: NodeId, storeTag: number): boolean {
    return (this.known.get(node)?.storeTag ?? storeTag) === storeTag;
  }

  /** What a message proves of the sender's store: such messages leave only after what they say is durable there. */
  heard(node: NodeId, message: RaftMessage): void {
    const known = this.known.get(node);
    if (known === undefined) return;
    if (message.type === 'appendAccepted') this.shown(known, message.term, message.matchIndex);
    else if (message.type === 'voteRequest' || message.type === 'voteResponse') this.shown(known, message.term, NONE);
  }

  /** The first voters. */
  foundersAre(voters: readonly NodeId[]): void {
    for (const node of voters) {
      const known = this.known.get(node);
      if (known !== undefined) known.isVoter = true;
    }
  }

  /**
   * These may vote from now on: they are remembered durably from here on. Gives those that had no vote, whose stores are not
   * known any more: a node without a vote may change its store, and this one may not have heard of it.
   * @param index of that membership
   */
  votersAre(voters: readonly NodeId[], index: LogIndex): readonly NodeId[] {
    const uncertain: NodeId[] = [];
    for (const node of voters) {
      const known = this.known.get(node);
      if (known === undefined) continue;
      const { record } = known;
      if (known.isVoter) known.record = { ...record, knownIndex: maxIndex(record.knownIndex, index) };
      else uncertain.push(node);
    }
    for (const node of uncertain) this.known.delete(node);
    return uncertain;
  }

  /**
   * Nobody counts on the stores of others than these any more; gives who was remembered durably, or may be.
   * @param index of the membership that says so, which may be applied once more after a start: what was to be forgotten may not
   * have been written down, and what is known since is not spoken of. Null: of any
   */
  forgetAllBut(voters: readonly NodeId[], index: LogIndex | null): readonly NodeId[] {
    const gone: NodeId[] = [];
    for (const [node, { isVoter, record }] of this.known) {
      if (!isVoter || voters.includes(node)) continue;
      if (index !== null && record.knownIndex >= index) continue;
      this.known.delete(node);
      gone.push(node);
    }
    return gone;
  }

  /** All records of voters, to be written at once. */
  takeAll(nowMs: number): readonly PeerRecord[] {
    return this.take(nowMs, () => true);
  }

  /** Records that are to be written now: of a store that is new here at once, of one that has grown now and then. */
  takeDue(nowMs: number): readonly PeerRecord[] {
    return this.take(nowMs, ({ record, saved, savedAtMs }) => {
      if (saved === null || saved.storeId !== record.storeId) return true;
      if (saved.epoch !== record.epoch || saved.mark !== record.mark) return true;
      if (saved.knownIndex !== record.knownIndex) return true;
      const hasGrown = record.term !== saved.term || record.lastIndex !== saved.lastIndex;
      return hasGrown && nowMs - savedAtMs >= PEER_RECORD_SAVE_INTERVAL_MS;
    });
  }

  /** They could not be written: they are due again. */
  notSaved(records: readonly PeerRecord[]): void {
    for (const { node } of records) {
      const known = this.known.get(node);
      if (known !== undefined) known.saved = null;
    }
  }

  private take(nowMs: number, isDue: (known: Known) => boolean): readonly PeerRecord[] {
    const due: PeerRecord[] = [];
    for (const known of this.known.values()) {
      if (!known.isVoter || !isDue(known)) continue;
      known.saved = known.record;
      known.savedAtMs = nowMs;
      due.push(known.record);
    }
    return due;
  }

  /** Called for every answer of a follower: it allocates only when there is news. */
  private shown(known: Known, seenTerm: Term, lastIndex: LogIndex): void {
    const { record } = known;
    if (seenTerm < record.term || (seenTerm === record.term && lastIndex <= record.lastIndex)) return;
    known.record = { ...record, term: seenTerm, lastIndex };
  }
}

/**
 * Within one term what a store holds never shrinks; in a later one its end may have been replaced by less. That its epoch has
 * grown says little: so it does with each start, also of a store that was set back, but by other claims.
 */
function refusalOf(claim: StoreClaim, seen: PeerRecord): 'replaced' | 'behind' | null {
  if (claim.storeId !== seen.storeId) return 'replaced';
  const mark = markOf(claim.claims, seen.epoch);
  const isOtherClaim = mark !== null && seen.mark !== null && mark !== seen.mark;
  const isOlder = isOtherClaim || claim.epoch < seen.epoch || claim.term < seen.term;
  return isOlder || (claim.term === seen.term && claim.lastIndex < seen.lastIndex) ? 'behind' : null;
}

/**
 * Whether nothing but the claim that was seen is missing. Of a node that takes part a majority has found it, or has seen
 * later ones: who was away for long would have nobody to believe otherwise.
 */
function isUnplacedBy(claim: StoreClaim, seen: PeerRecord): boolean {
  if (claim.takesPart || seen.mark === null || markOf(claim.claims, seen.epoch) !== null) return false;
  return refusalOf(claim, seen) === null;
}

function maxIndex(one: LogIndex, other: LogIndex): LogIndex {
  return one > other ? one : other;
}
