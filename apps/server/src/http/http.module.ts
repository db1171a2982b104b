import { Module } from '@nestjs/common';
import { AdministrationModule } from '../administration/administration.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { WatchModule } from '../watch/watch.module.js';
import { ConfigController } from './config.controller.js';
import { HttpRequests } from './http-requests.js';
import { KvController } from './kv.controller.js';
import { LeasesController } from './leases.controller.js';
import { LocksController } from './locks.controller.js';
import { MembersController } from './members.controller.js';
import { StatusController } from './status.controller.js';
import { WatchController } from './watch.controller.js';

@Module({
  imports: [AdministrationModule, CommandsModule, WatchModule, MetricsModule],
  // The watch routes stand before `config/:namespace/:key`, which would take `watch` for a key.
  controllers: [
    StatusController,
    MembersController,
    KvController,
    WatchController,
    ConfigController,
    LeasesController,
    LocksController,
  ],
  providers: [HttpRequests],
})
export class HttpModule {}
