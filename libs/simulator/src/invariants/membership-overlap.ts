import type { LogEntry, Membership, NodeId } from '@latchkey/raft';
import { holds, type ClusterView, type MembershipEntry } from './cluster-view.js';
import type { DiskFact, DiskView, Invariant, Report } from './invariant.js';
import { doQuorumsOverlap, isJoint, isQuorum } from './quorum.js';

type MembershipLogEntry = Extract<LogEntry, { readonly type: 'membership' }>;

/**
 * Memberships that follow on each other in any log have no two quorums without a common voter; a change of voters goes
 * through one joint membership; and none begins before the one before it is on the disks of its quorum.
 * Source: Raft §6, FAILURE-MODES 16, 17; TESTING invariant 9.
 */
export class MembershipOverlap implements Invariant {
  readonly name = 'membershipOverlap';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  diskWritten({ node, appended, disk }: DiskFact): void {
    for (const entry of appended) if (entry.type === 'membership') this.check(node, disk, entry);
  }

  private check(node: NodeId, disk: DiskView, { index, term, membership }: MembershipLogEntry): void {
    const before = this.before(disk, index);
    const change = `${textOf(before.membership)} to ${textOf(membership)} at ${index}/${term} on the disk of ${node}`;
    if (!doQuorumsOverlap(before.membership, membership)) this.report(`quorums without a common voter: ${change}`);
    if (isJoint(before.membership) && isJoint(membership))
      this.report(`one joint membership after the other: ${change}`);
    if (before.index <= this.view.committedIndex) return;
    const chain = disk.chainAt(before.index);
    const isDurable = isQuorum(
      before.membership,
      (voter) => this.view.disks.get(voter)?.chainAt(before.index) === chain,
    );
    if (!isDurable) this.report(`a change before the one at ${before.index} is decided: ${change}`);
  }

  /** The membership that the log of this disk had before `index`. */
  private before(disk: DiskView, index: number): MembershipEntry {
    for (let place = index - 1; place > disk.base.index; place -= 1) {
      const entry = disk.entryAt(place);
      if (entry?.type === 'membership') return entry;
    }
    const { memberships } = this.view;
    const committed = memberships.findLast((candidate) => candidate.index <= disk.base.index) ?? memberships[0];
    if (committed === undefined || !holds(this.view, disk, disk.base.index))
      throw new RangeError('a log without a past');
    return committed;
  }
}

const textOf = ({ voters, votersOutgoing, learners }: Membership): string =>
  `[${[voters, votersOutgoing, learners].map((nodes) => nodes.join(' ')).join('|')}]`;
