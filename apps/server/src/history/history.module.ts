import { Module } from '@nestjs/common';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeEvents } from '../cluster/node-events.js';
import { Proposer } from '../commands/proposer.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { HistoryCompactor } from './history-compactor.js';

@Module({
  providers: [
    {
      provide: HistoryCompactor,
      inject: [ClusterNode, NodeEvents, Proposer, SETTINGS],
      useFactory: (
        node: ClusterNode,
        events: NodeEvents,
        proposer: Proposer,
        settings: NodeSettings,
      ): HistoryCompactor => {
        const compactor = new HistoryCompactor({
          reader: node.state.reader,
          keptRevisions: settings.historyRevisions,
          propose: (commands) => proposer.propose(commands),
        });
        node.state.onApply(() => compactor.applied());
        events.onLeadershipReady(() => compactor.start());
        events.onRoleChanged(() => compactor.stop());
        return compactor;
      },
    },
  ],
  exports: [HistoryCompactor],
})
export class HistoryModule {}
