import { Module } from '@nestjs/common';
import { answerQuestion, LeaseClient, Lessor } from '@latchkey/lessor';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeEvents } from '../cluster/node-events.js';
import { CLOCK } from '../cluster/tokens.js';
import { Proposer } from '../commands/proposer.js';

@Module({
  providers: [
    {
      provide: Lessor,
      inject: [ClusterNode, NodeEvents, Proposer, CLOCK],
      useFactory: (node: ClusterNode, events: NodeEvents, proposer: Proposer, clock: Clock): Lessor => {
        const lessor = new Lessor({
          clock,
          reader: node.state.reader,
          propose: (commands) => proposer.propose(commands),
          confirmLeadership: () => node.replica.confirmLeadership(),
        });
        node.state.onApply((result) => lessor.applied(result.leaseChanges));
        node.serveAsLeader('leases', (_from, question) => answerQuestion(lessor, question));
        events.onLeadershipReady((term) => lessor.start(term));
        events.onRoleChanged(() => lessor.stop());
        return lessor;
      },
    },
    {
      provide: LeaseClient,
      inject: [ClusterNode, CLOCK],
      useFactory: (node: ClusterNode, clock: Clock): LeaseClient => {
        const client = new LeaseClient({ clock, askLeader: (question) => node.askLeader('leases', question) });
        // A replaced state needs nothing: what is known of a lease stays true while it lives, and nobody asks about one that does not.
        node.state.onApply((result) => client.applied(result));
        return client;
      },
    },
  ],
  exports: [Lessor, LeaseClient],
})
export class LeasesModule {}
