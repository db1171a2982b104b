import type { NodeId, Term } from '@latchkey/raft';
import type { Invariant, Report, RoleFact, SentFact } from './invariant.js';

/** At most one leader in a term, by what nodes are and by what they send. Source: Raft Figure 3, Election Safety. */
export class ElectionSafety implements Invariant {
  readonly name = 'electionSafety';
  private readonly leaderOfTerm = new Map<Term, NodeId>();

  constructor(private readonly report: Report) {}

  roleChanged({ node, role, term }: RoleFact): void {
    if (role === 'leader') this.leads(node, term);
  }

  sent({ from, message }: SentFact): void {
    if (message.type === 'raft' && message.message.type === 'appendRequest') this.leads(from, message.message.term);
  }

  private leads(node: NodeId, term: Term): void {
    const leader = this.leaderOfTerm.get(term);
    if (leader === undefined) this.leaderOfTerm.set(term, node);
    else if (leader !== node) this.report(`${leader} and ${node} both lead in term ${term}`);
  }
}
