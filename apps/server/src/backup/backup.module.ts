import { Module } from '@nestjs/common';
import type { Clock } from '@latchkey/replica';
import { ClusterNode } from '../cluster/cluster-node.js';
import { CLOCK } from '../cluster/tokens.js';
import { VERSION } from '../cluster/version.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { BackupController } from './backup.controller.js';
import { Backups } from './backups.js';

@Module({
  controllers: [BackupController],
  providers: [
    {
      provide: Backups,
      inject: [ClusterNode, CLOCK, SETTINGS],
      useFactory: (node: ClusterNode, clock: Clock, { clusterId, nodeId }: NodeSettings) =>
        new Backups({
          clusterId,
          nodeId,
          programVersion: VERSION,
          replica: node.replica,
          openCheckpoint: () => node.openCheckpoint(),
          wallTimeMs: () => clock.wallTimeMs(),
        }),
    },
  ],
})
export class BackupModule {}
