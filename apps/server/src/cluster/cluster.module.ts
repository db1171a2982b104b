import { Module, type DynamicModule } from '@nestjs/common';
import type { Clock } from '@latchkey/replica';
import { Proposer } from '../commands/proposer.js';
import { LOGGERS, type Loggers } from '../logging/part-logger.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { createPeerTransport, createStores } from './adapters.js';
import { ClusterNode } from './cluster-node.js';
import { NodeEvents } from './node-events.js';
import { NodeStatus } from './node-status.js';
import { SystemClock } from './system-clock.js';
import { CLOCK } from './tokens.js';

/** The replica with its adapters; everything else in the node asks this module. */
@Module({})
export class ClusterModule {
  static register(settings: NodeSettings, loggers: Loggers): DynamicModule {
    return {
      module: ClusterModule,
      global: true,
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: LOGGERS, useValue: loggers },
        { provide: CLOCK, useClass: SystemClock },
        { provide: NodeEvents, useFactory: () => new NodeEvents(loggers.part('raft')) },
        {
          provide: ClusterNode,
          inject: [CLOCK, NodeEvents],
          useFactory: async (clock: Clock, events: NodeEvents) =>
            new ClusterNode({
              settings,
              clock,
              events,
              logger: loggers.part('node'),
              stores: await createStores(settings),
              transport: await createPeerTransport(settings, loggers.part('peers')),
            }),
        },
        {
          provide: Proposer,
          inject: [ClusterNode],
          useFactory: (node: ClusterNode) => new Proposer(() => node.replica),
        },
        {
          provide: NodeStatus,
          inject: [ClusterNode],
          useFactory: (node: ClusterNode) => new NodeStatus(node, settings),
        },
      ],
      exports: [SETTINGS, LOGGERS, CLOCK, NodeEvents, ClusterNode, Proposer, NodeStatus],
    };
  }
}
