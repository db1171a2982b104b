import { logIndex, type LogIndex, type NodeId, type Term } from '@latchkey/raft';
import { CHAIN_START } from '../disk/entry-chain.js';
import type { ClusterView } from './cluster-view.js';
import type { DiskView } from './invariant.js';

/** The log as far as any node has applied it, kept outside of all nodes. */
export class CommittedLog implements ClusterView {
  private readonly chains: number[] = [CHAIN_START];
  /** In which term, at the latest, each entry was committed. */
  private readonly committedInTerm: number[] = [0];

  constructor(
    readonly disks: ReadonlyMap<NodeId, DiskView>,
    readonly majority: number,
  ) {}

  get committedIndex(): LogIndex {
    return logIndex(this.chains.length - 1);
  }

  committedChainAt(index: number): number | null {
    return this.chains[index] ?? null;
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
      this.committedInTerm.push(seenInTerm);
      return true;
    }
    return false;
  }
}
