import { Module } from '@nestjs/common';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { CLOCK } from '../cluster/tokens.js';
import { PastValues } from '../history/past-values.js';
import { PastValuesModule } from '../history/past-values.module.js';
import { WatchHub } from './watch-hub.js';
import { WatchOpener } from './watch-opener.js';

@Module({
  imports: [PastValuesModule],
  providers: [
    {
      provide: WatchHub,
      inject: [ClusterNode, PastValues, CLOCK],
      useFactory: (node: ClusterNode, past: PastValues, clock: Clock): WatchHub => {
        const hub = new WatchHub({ clock, reader: node.state.reader, past });
        node.state.onApply((result) => hub.applied(result));
        node.state.onReplaced(() => hub.replaced());
        node.awaitCommitsWhile(() => hub.size > 0);
        return hub;
      },
    },
    {
      provide: WatchOpener,
      inject: [WatchHub, ClusterNode],
      useFactory: (hub: WatchHub, node: ClusterNode) => new WatchOpener(hub, () => node.replica, node.state.reader),
    },
  ],
  exports: [WatchHub, WatchOpener],
})
export class WatchModule {}
