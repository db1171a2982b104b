import { Module, type DynamicModule } from '@nestjs/common';
import { BackupModule } from './backup/backup.module.js';
import { ClusterModule } from './cluster/cluster.module.js';
import { DocsModule } from './docs/docs.module.js';
import { GatewayModule } from './gateway/gateway.module.js';
import { HistoryModule } from './history/history.module.js';
import { HttpModule } from './http/http.module.js';
import type { Loggers } from './logging/part-logger.js';
import type { NodeSettings } from './settings/settings.js';

@Module({})
export class AppModule {
  static register(settings: NodeSettings, loggers: Loggers): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ClusterModule.register(settings, loggers),
        GatewayModule,
        HistoryModule,
        BackupModule,
        HttpModule,
        DocsModule,
      ],
    };
  }
}
