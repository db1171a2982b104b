import { logIndex, term as termOf, type LogIndex, type Membership, type NodeId, type Term } from '@latchkey/raft';
import { CHAIN_START } from '../disk/entry-chain.js';
import type { ClusterView, MembershipEntry } from './cluster-view.js';
import type { DiskView } from './invariant.js';

/** The log as far as any node has applied it, kept outside of all nodes. */
export class CommittedLog implements ClusterView {
  readonly memberships: MembershipEntry[];
  private readonly chains: number[] = [CHAIN_START];
  private readonly terms: Term[] = [termOf(0)];
  /** In which term, at the latest, each entry was committed. */
  private readonly committedInTerm: number[] = [0];

  constructor(
    readonly disks: ReadonlyMap<NodeId, DiskView>,
    firstMembership: Membership,
  ) {
    this.memberships = [{ index: logIndex(0), membership: firstMembership }];
  }

  get committedIndex(): LogIndex {
    return logIndex(this.chains.length - 1);
  }

  /** The latest that was committed. */
  get membership(): Membership {
    const { memberships } = this;
    const latest = memberships[memberships.length - 1];
    if (latest === undefined) throw new RangeError('there is always a first one');
    return latest.membership;
  }

  committedChainAt(index: number): number | null {
    return this.chains[index] ?? null;
  }

  committedTermAt(index: number): Term | null {
    return this.terms[index] ?? null;
  }

  committedBefore(term: Term): LogIndex {
    let index = this.chains.length - 1;
    while (index > 0 && (this.committedInTerm[index] ?? 0) >= term) index -= 1;
    return logIndex(index);
  }

  /**
   * A node applies what no node has applied before: it follows on the committed log, so its chain is on a disk that
   * has both. False when there is none.
   * @param seenInTerm the term the node is in
   */
  commit({ index, term }: { readonly index: LogIndex; readonly term: Term }, seenInTerm: Term): boolean {
    const before = this.chains.at(-1);
    for (const disk of this.disks.values()) {
      const chain = disk.chainAt(index);
      if (chain === null || disk.termAt(index) !== term || disk.chainAt(index - 1) !== before) continue;
      this.chains.push(chain);
      this.terms.push(term);
      this.committedInTerm.push(seenInTerm);
      const entry = disk.entryAt(index);
      if (entry?.type === 'membership') this.memberships.push({ index, membership: entry.membership });
      return true;
    }
    return false;
  }
}
