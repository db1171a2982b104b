import { Module } from '@nestjs/common';
import { LeaseClient } from '@latchkey/lessor';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeStatus } from '../cluster/node-status.js';
import { CLOCK } from '../cluster/tokens.js';
import { PastValues } from '../history/past-values.js';
import { PastValuesModule } from '../history/past-values.module.js';
import { LeasesModule } from '../leases/leases.module.js';
import type { AcquisitionParts } from '../locks/acquisition.js';
import { LockView } from '../locks/lock-view.js';
import { ACQUISITION_PARTS, LocksModule } from '../locks/locks.module.js';
import { LocalReads } from './local-reads.js';
import { Proposer } from './proposer.js';
import { RequestExecutor } from './request-executor.js';

type ExecutorInjections = [ClusterNode, Proposer, LocalReads, LeaseClient, AcquisitionParts, Clock, NodeStatus];

@Module({
  imports: [LeasesModule, LocksModule, PastValuesModule],
  providers: [
    {
      provide: LocalReads,
      inject: [ClusterNode, LockView, PastValues],
      useFactory: (node: ClusterNode, locks: LockView, past: PastValues) =>
        new LocalReads(node.state.reader, locks, past),
    },
    {
      provide: RequestExecutor,
      inject: [ClusterNode, Proposer, LocalReads, LeaseClient, ACQUISITION_PARTS, CLOCK, NodeStatus],
      useFactory: (...[node, proposer, reads, leases, acquisitions, clock, status]: ExecutorInjections) =>
        new RequestExecutor({
          replica: () => node.replica,
          proposer,
          reads,
          leases,
          acquisitions,
          clock,
          status: () => status.status(),
        }),
    },
  ],
  exports: [RequestExecutor],
})
export class CommandsModule {}
