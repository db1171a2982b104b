import type { NodeId } from '@latchkey/raft';
import { holds, type ClusterView, type MembershipEntry } from './cluster-view.js';
import type { AckFact, AppliedFact, Invariant, Report } from './invariant.js';
import { isMajority } from './quorum.js';

/**
 * What is applied, and what a client is told, is on the disks of a quorum at that moment: of the membership in force at
 * that place of the log, or of a later one. Source: Raft §5.3 (committed) and §6, FAILURE-MODES 6, 26; TESTING invariant 15.
 */
export class DurableQuorum implements Invariant {
  readonly name = 'durableQuorum';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  applied({ node, index, isFirst }: AppliedFact): void {
    if (isFirst) this.check(index, `${node} applied`);
  }

  acknowledged({ client, index }: AckFact): void {
    this.check(index, `${client} was told of`);
  }

  private check(index: number, what: string): void {
    if (isOnQuorum(this.view, index)) return;
    const { disks } = this.view;
    const holders = [...disks].filter(([, disk]) => holds(this.view, disk, index)).map(([node]) => node);
    this.report(`${what} entry ${index}, which is on ${holders.length} disks (${holders.join(', ')})`);
  }
}

/** Whether the disks of a quorum hold the committed log up to `index`. */
export function isOnQuorum(view: ClusterView, index: number): boolean {
  const { memberships, disks } = view;
  const has = (node: NodeId): boolean => {
    const disk = disks.get(node);
    if (disk === undefined) return false;
    return (
      holds(view, disk, index) || (disk.before !== null && disk.before !== undefined && holds(view, disk.before, index))
    );
  };
  // The latest first: who has left since may have forgotten it, and whoever took over has it.
  for (let place = memberships.length - 1; place >= 0; place -= 1) {
    const entry = memberships[place];
    if (entry === undefined) break;
    if (decides(entry, index, has)) return true;
    if (entry.index <= index) break;
  }
  return false;
}

/**
 * A joint membership needs the outgoing voters for its own entry. What follows that entry is committed by the incoming
 * ones alone as soon as the leader leaves the joint membership, which it does at once.
 */
function decides({ index: from, membership }: MembershipEntry, index: number, has: (node: NodeId) => boolean): boolean {
  const { voters, votersOutgoing } = membership;
  const needsOutgoing = votersOutgoing.length > 0 && from === index;
  return isMajority(voters, has) && (!needsOutgoing || isMajority(votersOutgoing, has));
}
