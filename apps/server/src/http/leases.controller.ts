import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { GrantLeaseBody } from '@latchkey/contracts';
import { HttpRequests } from './http-requests.js';
import { validated } from './validated.js';

@Controller('v1/leases')
export class LeasesController {
  constructor(@Inject(HttpRequests) private readonly requests: HttpRequests) {}

  @Post()
  @HttpCode(200)
  async grant(
    @Body(validated(GrantLeaseBody)) { ttlMs, id }: GrantLeaseBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<object> {
    return this.requests.ask('leaseGrant', { ttlMs, id }, { idempotencyKey });
  }

  @Get()
  async list(): Promise<object> {
    return this.requests.ask('leaseList', {});
  }

  @Get(':id')
  async info(@Param('id') id: string): Promise<object> {
    return this.requests.ask('leaseInfo', { id });
  }

  @Put(':id/keepalive')
  async keepAlive(@Param('id') id: string): Promise<object> {
    return this.requests.ask('leaseKeepAlive', { id });
  }

  @Delete(':id')
  async revoke(
    @Param('id') id: string,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<object> {
    return this.requests.ask('leaseRevoke', { id }, { idempotencyKey });
  }
}
