import { Module } from '@nestjs/common';
import { ClusterNode } from '../cluster/cluster-node.js';
import type { Clock } from '@latchkey/replica';
import { NodeEvents } from '../cluster/node-events.js';
import { CLOCK } from '../cluster/tokens.js';
import { Proposer } from '../commands/proposer.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { HistoryCompactor } from './history-compactor.js';

@Module({
  providers: [
    {
      provide: HistoryCompactor,
      inject: [ClusterNode, NodeEvents, Proposer, SETTINGS, CLOCK],
      useFactory: (
        node: ClusterNode,
        events: NodeEvents,
        proposer: Proposer,
        settings: NodeSettings,
        clock: Clock,
      ): HistoryCompactor => {
        const compactor = new HistoryCompactor({
          clock,
          reader: node.state.reader,
          keptRevisions: settings.historyRevisions,
          maxAgeMs: settings.historyMaxAgeMs,
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
