import { Module } from '@nestjs/common';
import { ClusterNode } from '../cluster/cluster-node.js';
import type { Clock } from '@latchkey/replica';
import { NodeEvents } from '../cluster/node-events.js';
import { CLOCK } from '../cluster/tokens.js';
import { Proposer } from '../commands/proposer.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { HistoryCompactor } from './history-compactor.js';

/** Of keys and values in every database: with values of 512 KiB the revisions of the setting would be 50 GB. */
const MAX_HISTORY_BYTES = 256 * 1024 * 1024;

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
          maxBytes: MAX_HISTORY_BYTES,
          propose: (commands) => proposer.propose(commands),
        });
        node.state.onApply((result) => compactor.applied(result));
        events.onLeadershipReady(() => compactor.start());
        events.onRoleChanged(() => compactor.stop());
        return compactor;
      },
    },
  ],
  exports: [HistoryCompactor],
})
export class HistoryModule {}
