import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { wireError } from '../commands/wire-error.js';
import { isForeignOrigin } from '../gateway/handshake.js';
import { LOGGERS, type Loggers } from '../logging/part-logger.js';
import { Backups } from './backups.js';
import { sendBackup } from './send-backup.js';

/** The whole state as one file; see docs/backup.md. */
@Controller('v1')
export class BackupController {
  constructor(
    @Inject(Backups) private readonly backups: Backups,
    @Inject(LOGGERS) private readonly loggers: Loggers,
  ) {}

  @Get('backup')
  async backup(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    // It only reads, but it costs as much as a write: no page of another site shall start one.
    if (isForeignOrigin(request))
      throw wireError('UNAUTHENTICATED', 'a page of another site may not make a backup', { field: 'Origin' });
    const backup = await this.backups.open();
    const { revision, appliedIndex } = backup.header;
    const { byteCount, brokenBy } = await sendBackup(backup, response);
    const logger = this.loggers.part('backup');
    if (brokenBy === null) logger.info('a backup was sent', { revision, appliedIndex, byteCount });
    else logger.warn('a backup broke off', { revision, byteCount, error: brokenBy.message });
  }
}
