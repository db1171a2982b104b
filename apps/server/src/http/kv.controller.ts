import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { CompactBody, GetKeyQuery, ListKeysQuery, NothingAsked, PutKeyBody, PutKeyQuery } from '@latchkey/contracts';
import { wireError } from '../commands/wire-error.js';
import { HttpRequests } from './http-requests.js';
import { optionalNumber, revisionOfIfMatch } from './if-match.js';
import { bytesOfJson, jsonRecord, jsonTxnResult } from './json-shapes.js';
import { txnOfJson } from './txn-body.js';
import { validated } from './validated.js';

/** Keys, transactions and compaction. */
@Controller('v1')
export class KvController {
  constructor(@Inject(HttpRequests) private readonly requests: HttpRequests) {}

  @Get('kv')
  async list(@Query(validated(ListKeysQuery)) query: ListKeysQuery): Promise<object> {
    const { revision, records, count, more } = await this.requests.ask('range', {
      range: { prefix: query.prefix ?? '' },
      limit: optionalNumber(query.limit),
      revision: optionalNumber(query.revision),
      keysOnly: query.keysOnly === 'true',
      consistency: query.consistency,
    });
    return { revision, count, more, records: records.map((record) => jsonRecord(record, query.keysOnly === 'true')) };
  }

  @Get('kv/:key')
  async get(@Param('key') key: string, @Query(validated(GetKeyQuery)) query: GetKeyQuery): Promise<object> {
    const { revision, record } = await this.requests.ask('get', {
      key,
      revision: optionalNumber(query.revision),
      consistency: query.consistency,
    });
    if (record === null) throw wireError('KEY_NOT_FOUND', 'no such key', { currentRevision: revision });
    return jsonRecord(record);
  }

  @Put('kv/:key')
  async put(
    @Param('key') key: string,
    @Query(validated(PutKeyQuery)) { lease }: PutKeyQuery,
    @Body(validated(PutKeyBody)) body: PutKeyBody,
    @Headers() headers: WriteHeaders,
  ): Promise<object> {
    return this.requests.ask(
      'put',
      { key, value: bytesOfJson(body), lease, ifRevision: revisionOfIfMatch(headers['if-match']) },
      { idempotencyKey: headers['idempotency-key'] },
    );
  }

  @Delete('kv/:key')
  async delete(
    @Param('key') key: string,
    @Query(validated(NothingAsked)) _query: NothingAsked,
    @Headers() headers: WriteHeaders,
  ): Promise<object> {
    return this.requests.ask(
      'delete',
      { range: { key }, ifRevision: revisionOfIfMatch(headers['if-match']) },
      { idempotencyKey: headers['idempotency-key'] },
    );
  }

  @Post('txn')
  @HttpCode(200)
  async txn(@Body() body: unknown, @Headers() headers: WriteHeaders): Promise<object> {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw wireError('INVALID_ARGUMENT', 'body: must be a JSON object', { field: 'body' });
    return jsonTxnResult(
      await this.requests.ask('txn', txnOfJson({ ...body }), { idempotencyKey: headers['idempotency-key'] }),
    );
  }

  @Post('compact')
  @HttpCode(200)
  async compact(@Body(validated(CompactBody)) { revision }: CompactBody): Promise<object> {
    return this.requests.ask('compact', { revision });
  }
}

type WriteHeaders = { readonly 'if-match'?: string; readonly 'idempotency-key'?: string };
