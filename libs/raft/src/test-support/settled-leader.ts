import type { Effect } from '../effects.js';
import { proposalId, type NodeId } from '../ids.js';
import type { Membership, MembershipChange } from '../membership.js';
import { LoneNode, type LoneNodeOptions } from './lone-node.js';
import { appendAccepted } from './raft-builders.js';

/** A leader whose whole log all of its peers hold and that has committed it; nothing is left in `sent` and `outcomes`. */
export function settledLeader(membership: Membership, options: LoneNodeOptions = {}): LoneNode {
  const node = new LoneNode({ ...options, membership });
  node.becomeLeader();
  acknowledge(node, ...node.status.progress.map(({ peer }) => peer));
  forget(node);
  return node;
}

/** Each peer says that it holds the whole log. */
export function acknowledge(node: LoneNode, ...peers: readonly NodeId[]): void {
  for (const peer of peers) node.receive(peer, appendAccepted(node.status.currentTerm, node.status.lastLogIndex));
}

/** Asks for the change and gives the answer. */
export function change(node: LoneNode, wanted: MembershipChange): Effect | undefined {
  const effects = node.step({ type: 'changeMembership', proposalId: proposalId(1), change: wanted });
  return effects.find(({ type }) => type === 'membershipChangeAppended' || type === 'membershipChangeRefused');
}

export function refusal(reason: string): object {
  return { type: 'membershipChangeRefused', reason };
}

export function forget(node: LoneNode): void {
  node.takeSent();
  node.outcomes.length = 0;
}
