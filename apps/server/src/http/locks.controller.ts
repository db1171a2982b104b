import type { ServerResponse } from 'node:http';
import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { AcquireLockBody, ListLocksQuery, ReleaseLockBody, type WireLock } from '@latchkey/contracts';
import { HttpRequests } from './http-requests.js';
import { validated } from './validated.js';

const SPACE = 'locks';

@Controller('v1/locks')
export class LocksController {
  constructor(@Inject(HttpRequests) private readonly requests: HttpRequests) {}

  @Get()
  async list(@Query(validated(ListLocksQuery)) { prefix }: ListLocksQuery): Promise<{ locks: readonly WireLock[] }> {
    const { locks } = await this.requests.ask('lockList', { space: SPACE, prefix });
    return { locks };
  }

  @Get(':name')
  async inspect(@Param('name') name: string): Promise<object> {
    return this.requests.ask('lockInspect', { space: SPACE, name });
  }

  /** Waits at most `waitMs`. A client that hangs up does not wait any longer. */
  @Post(':name/acquire')
  @HttpCode(200)
  async acquire(
    @Param('name') name: string,
    @Body(validated(AcquireLockBody)) { lease, waitMs, owner }: AcquireLockBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<object> {
    return this.requests.ask(
      'acquire',
      { space: SPACE, name, lease, waitMs: waitMs ?? 0, owner: owner ?? undefined },
      { idempotencyKey, onWaiting: (acquisition) => response.once('close', () => acquisition.cancel()) },
    );
  }

  @Post(':name/release')
  @HttpCode(200)
  async release(
    @Param('name') name: string,
    @Body(validated(ReleaseLockBody)) { lease }: ReleaseLockBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<object> {
    return this.requests.ask('release', { space: SPACE, name, lease }, { idempotencyKey });
  }

  /** Takes the lock away from its holder, whoever that is. */
  @Delete(':name')
  async forceRelease(
    @Param('name') name: string,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<object> {
    return this.requests.ask('forceRelease', { space: SPACE, name }, { idempotencyKey });
  }
}
