import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { WatchModule } from '../watch/watch.module.js';
import { ClientGateway } from './client.gateway.js';

@Module({ imports: [CommandsModule, WatchModule], providers: [ClientGateway], exports: [ClientGateway] })
export class GatewayModule {}
