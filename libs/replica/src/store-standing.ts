import { logIndex, type LogIndex, type Membership, type NodeId, type Term } from '@latchkey/raft';
import type { StoreIdentity } from './ports/identity-store.js';
import { LogStoreError, type DurableState } from './ports/log-store.js';
import { hasVote, NO_MEMBERS, votersOf } from './quorum-of.js';

/**
 * How a node comes with this store. `alone`: there is nobody else whose word counts. `founding`: the cluster's first start.
 * `joining`: it has nothing, and nobody counts on it. `returning`: it has taken part before.
 */
export type StandingKind = 'alone' | 'founding' | 'joining' | 'returning';

export type StoreStanding = {
  readonly kind: StandingKind;
  /** The latest of the log, committed or not; else the first one. */
  readonly membership: Membership;
  /** Where that stands in the log, at the latest; 0 for the first one. */
  readonly membershipIndex: LogIndex;
  /** With which the core begins when neither log nor checkpoint has one. */
  readonly initialMembership: Membership;
  /** Who may have a vote, by any membership of log and checkpoint. */
  readonly possibleVoters: readonly NodeId[];
};

/** Settings that a store is looked at by. */
export type StandingContext = { readonly nodeId: NodeId; readonly configured: Membership };

/** @throws LogStoreError `foreign` when the store was founded with others, and has nothing that says more */
export function standingOf(identity: StoreIdentity, durable: DurableState, context: StandingContext): StoreStanding {
  const { nodeId } = context;
  const memberships = membershipsOf(durable);
  const initialMembership = initialMembershipOf(identity, memberships.length > 0, context);
  const latest = memberships.at(-1);
  const membership = latest?.membership ?? initialMembership;
  const all = [initialMembership, ...memberships.map((known) => known.membership)];
  return {
    kind: kindOf(identity, membership, nodeId),
    membership,
    membershipIndex: latest?.index ?? logIndex(0),
    initialMembership,
    possibleVoters: [...new Set(all.flatMap(votersOf))],
  };
}

/** What is in force before the first membership of the log. */
function initialMembershipOf(
  { founders }: StoreIdentity,
  hasMembership: boolean,
  { configured }: StandingContext,
): Membership {
  if (founders === null) return configured;
  if (founders.length === 0) return NO_MEMBERS;
  const isSame = founders.length === configured.voters.length && founders.every((id) => configured.voters.includes(id));
  if (isSame) return configured;
  if (hasMembership || configured.voters.length === 0) return { ...NO_MEMBERS, voters: founders };
  throw new LogStoreError(
    'foreign',
    `this store was founded with the nodes ${founders.join(', ')}, and the settings name ${configured.voters.join(', ')}: ` +
      'start the node with the nodes that it was founded with, and change the members of the running cluster; ' +
      'or give it an empty database',
  );
}

function kindOf(identity: StoreIdentity, membership: Membership, nodeId: NodeId): StandingKind {
  const voters = votersOf(membership);
  const isAlone = voters.length === 1 && voters[0] === nodeId;
  if (isAlone) return 'alone';
  if (!identity.isNew || (identity.founders !== null && identity.founders.length > 0)) return 'returning';
  return identity.founders === null && hasVote(membership, nodeId) ? 'founding' : 'joining';
}

type KnownMembership = { readonly index: LogIndex; readonly membership: Membership };

function membershipsOf({ checkpoint, entries }: DurableState): readonly KnownMembership[] {
  const known: KnownMembership[] = [];
  // An empty one is that of a node that had not heard of any when it made the checkpoint.
  if (checkpoint !== null && votersOf(checkpoint.membership).length > 0) known.push(checkpoint);
  for (const entry of entries) if (entry.type === 'membership') known.push(entry);
  return known;
}

/** See `StoreClaim`. */
export type StorePosition = { readonly term: Term; readonly lastIndex: LogIndex; readonly keptIndex: LogIndex };

/** What the store of a node that begins shows to others. */
export function positionOf({ hardState, base, entries, checkpoint }: DurableState): StorePosition {
  const last = entries.at(-1) ?? base;
  const isOfThisTerm = last.term === hardState.currentTerm;
  const keptIndex = isOfThisTerm ? last.index : (checkpoint?.index ?? base.index);
  return { term: hardState.currentTerm, lastIndex: last.index, keptIndex };
}

/** Not where the record of its own says that this very store has had the vote back. */
export function wantsItsVoteBack({ wantsVoteBack, storeId, peers }: StoreIdentity, nodeId: NodeId): boolean {
  return wantsVoteBack && peers.find(({ node }) => node === nodeId)?.storeId !== storeId;
}
