import { Module } from '@nestjs/common';
import { LeaseClient, remainingMsOf } from '@latchkey/lessor';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { CLOCK } from '../cluster/tokens.js';
import { Proposer } from '../commands/proposer.js';
import { LeasesModule } from '../leases/leases.module.js';
import type { AcquisitionParts } from './acquisition.js';
import { LockView } from './lock-view.js';
import { QueueTimes } from './queue-times.js';
import { Waiters } from './waiters.js';

export const ACQUISITION_PARTS = Symbol('AcquisitionParts');

@Module({
  imports: [LeasesModule],
  providers: [
    {
      provide: QueueTimes,
      inject: [ClusterNode],
      useFactory: (node: ClusterNode): QueueTimes => {
        const times = new QueueTimes();
        node.state.onApply((result, proposedAtMs) => times.applied(result, proposedAtMs));
        node.state.onReplaced(() => times.replaced(node.state.reader));
        return times;
      },
    },
    {
      provide: Waiters,
      inject: [ClusterNode],
      useFactory: (node: ClusterNode): Waiters => {
        const waiters = new Waiters();
        node.state.onApply((result) => waiters.applied(result));
        node.state.onReplaced(() => waiters.replaced());
        node.awaitCommitsWhile(() => waiters.size > 0);
        return waiters;
      },
    },
    {
      provide: LockView,
      inject: [ClusterNode, QueueTimes, CLOCK],
      useFactory: (node: ClusterNode, times: QueueTimes, clock: Clock) => new LockView(node.state.reader, times, clock),
    },
    {
      provide: ACQUISITION_PARTS,
      inject: [ClusterNode, Waiters, LockView, Proposer, LeaseClient, CLOCK],
      useFactory: (
        ...[node, waiters, view, proposer, leases, clock]: [
          ClusterNode,
          Waiters,
          LockView,
          Proposer,
          LeaseClient,
          Clock,
        ]
      ): AcquisitionParts => ({
        clock,
        reader: node.state.reader,
        waiters,
        view,
        propose: (commands) => proposer.propose(commands),
        remainingMs: (leaseId) => remainingMsOf(leases, leaseId),
      }),
    },
  ],
  exports: [Waiters, LockView, ACQUISITION_PARTS],
})
export class LocksModule {}
