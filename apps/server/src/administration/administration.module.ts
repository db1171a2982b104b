import { Module } from '@nestjs/common';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeStatus } from '../cluster/node-status.js';
import { CLOCK } from '../cluster/tokens.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { AdministrationDesk } from './administration-desk.js';
import { Administration } from './administration.js';

@Module({
  providers: [
    {
      provide: Administration,
      inject: [ClusterNode, NodeStatus, CLOCK, SETTINGS],
      useFactory: (
        ...[node, status, clock, settings]: [ClusterNode, NodeStatus, Clock, NodeSettings]
      ): Administration => {
        const members = (): ReturnType<NodeStatus['members']> => status.members();
        const { replica } = node;
        const desk = new AdministrationDesk({ replica, members, canHavePeers: settings.peerSecret !== '' });
        node.serveAsLeader('administration', (_from, question) => desk.answer(question));
        return new Administration({
          askLeader: (question) => node.askLeader('administration', question),
          status: () => replica.status(),
          members,
          clock,
        });
      },
    },
  ],
  exports: [Administration],
})
export class AdministrationModule {}
