import { Module } from '@nestjs/common';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeEvents } from '../cluster/node-events.js';
import { NodeStatus } from '../cluster/node-status.js';
import { ClientGateway } from '../gateway/client.gateway.js';
import { GatewayModule } from '../gateway/gateway.module.js';
import { LocksModule } from '../locks/locks.module.js';
import { Waiters } from '../locks/waiters.js';
import { WatchHub } from '../watch/watch-hub.js';
import { WatchModule } from '../watch/watch.module.js';
import { Metrics } from './metrics.js';

@Module({
  imports: [LocksModule, WatchModule, GatewayModule],
  providers: [
    {
      provide: Metrics,
      inject: [ClusterNode, NodeEvents, NodeStatus, WatchHub, Waiters, ClientGateway],
      useFactory: (
        ...[node, events, status, hub, waiters, gateway]: [
          ClusterNode,
          NodeEvents,
          NodeStatus,
          WatchHub,
          Waiters,
          ClientGateway,
        ]
      ): Metrics => {
        const metrics = new Metrics(() => {
          const { reader } = node.state;
          const { connectedPeers } = node.replica.status();
          return {
            ...status.status(),
            compactRevision: reader.compactRevision,
            historyMemoryBytes: reader.hotHistoryBytes,
            connectedPeers: connectedPeers.length,
            leases: [...reader.leases()].length,
            watches: hub.size,
            lockWaiters: waiters.size,
            clientConnections: gateway.connectionCount,
            clientUnsentBytes: gateway.unsentBytes,
            verifiedPages: node.scrubber?.verifiedPages ?? 0,
            verifiedPasses: node.scrubber?.verifiedPasses ?? 0,
            damagedPasses: node.scrubber?.damagedPasses ?? 0,
          };
        });
        events.onPersisted((batch) => metrics.persisted(batch));
        events.onCheckpointed((checkpoint) => metrics.snapshots.checkpointed(checkpoint));
        events.onSnapshotTransfer((transfer) => metrics.snapshots.transfer(transfer));
        events.onStateDiffers(() => metrics.stateDiffers());
        node.state.onApply((result) => metrics.applied(result.outcomes.length));
        return metrics;
      },
    },
  ],
  exports: [Metrics],
})
export class MetricsModule {}
