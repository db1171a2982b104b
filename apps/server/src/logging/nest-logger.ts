import type { LoggerService } from '@nestjs/common';
import type { PartLogger } from './part-logger.js';

/** What Nest says about itself: only what matters to whoever runs the node. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: PartLogger) {}

  log(message: unknown): void {
    this.logger.trace(String(message));
  }
  error(message: unknown, ...more: unknown[]): void {
    this.logger.error(String(message), { details: more.map(String).join(' ') });
  }
  fatal(message: unknown): void {
    this.logger.fatal(String(message));
  }
  warn(message: unknown): void {
    this.logger.warn(String(message));
  }
}
