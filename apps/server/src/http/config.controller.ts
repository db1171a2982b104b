import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import {
  ConfigHistoryQuery,
  GetKeyQuery,
  ListConfigQuery,
  NothingAsked,
  PutConfigBody,
  RollbackBody,
  type WireRecord,
} from '@latchkey/contracts';
import { wireError } from '../commands/wire-error.js';
import { checkedConfigKey, configBytes, configEntry, configKey, configPrefix, jsonOfConfig } from './config-key.js';
import { HttpRequests } from './http-requests.js';
import { optionalNumber, revisionOfIfMatch } from './if-match.js';
import { validated } from './validated.js';

type WriteHeaders = { readonly 'if-match'?: string; readonly 'idempotency-key'?: string };

const MAX_LISTED_RECORDS = 10_000;

@Controller('v1/config/:namespace')
export class ConfigController {
  constructor(@Inject(HttpRequests) private readonly requests: HttpRequests) {}

  @Get()
  async list(
    @Param('namespace') namespace: string,
    @Query(validated(ListConfigQuery)) { prefix = '' }: ListConfigQuery,
  ): Promise<object> {
    const { revision, records, more } = await this.records(configPrefix(namespace), prefix);
    return {
      namespace,
      revision,
      more,
      entries: records.map((record) => configEntry(record, configPrefix(namespace))),
    };
  }

  @Get(':key')
  async get(
    @Param('namespace') namespace: string,
    @Param('key') key: string,
    @Query(validated(GetKeyQuery)) query: GetKeyQuery,
  ): Promise<object> {
    const { revision, record } = await this.requests.ask('get', {
      key: configKey(namespace, checkedConfigKey(key)),
      revision: optionalNumber(query.revision),
      consistency: query.consistency,
    });
    if (record === null) throw wireError('KEY_NOT_FOUND', 'no such configuration key', { currentRevision: revision });
    return { namespace, ...configEntry(record, configPrefix(namespace)) };
  }

  /** Kept free for schemas, which come later: no key of this name is written by accident. */
  @Put('schema')
  setSchema(): never {
    throw wireError('NOT_FOUND', 'schemas are not supported yet');
  }

  @Put(':key')
  async set(
    @Param('namespace') namespace: string,
    @Param('key') key: string,
    @Query(validated(NothingAsked)) _query: NothingAsked,
    @Body(validated(PutConfigBody)) { value }: PutConfigBody,
    @Headers() headers: WriteHeaders,
  ): Promise<object> {
    return this.requests.ask(
      'put',
      {
        key: configKey(namespace, checkedConfigKey(key)),
        value: configBytes(value),
        ifRevision: revisionOfIfMatch(headers['if-match']),
      },
      { idempotencyKey: headers['idempotency-key'] },
    );
  }

  @Delete(':key')
  async delete(
    @Param('namespace') namespace: string,
    @Param('key') key: string,
    @Headers() headers: WriteHeaders,
  ): Promise<object> {
    return this.requests.ask(
      'delete',
      {
        range: { key: configKey(namespace, checkedConfigKey(key)) },
        ifRevision: revisionOfIfMatch(headers['if-match']),
      },
      { idempotencyKey: headers['idempotency-key'] },
    );
  }

  @Get(':key/history')
  async history(
    @Param('namespace') namespace: string,
    @Param('key') key: string,
    @Query(validated(ConfigHistoryQuery)) { before }: ConfigHistoryQuery,
  ): Promise<object> {
    const { revision, versions, more } = await this.requests.ask('history', {
      key: configKey(namespace, checkedConfigKey(key)),
      beforeRevision: optionalNumber(before),
    });
    return {
      namespace,
      key,
      revision,
      more,
      versions: versions.map((version) =>
        version.record === null
          ? { type: 'delete', revision: version.revision }
          : {
              type: 'set',
              revision: version.revision,
              value: jsonOfConfig(version.record.value),
              version: version.record.version,
              updatedAt: new Date(version.record.updatedAtMs).toISOString(),
            },
      ),
    };
  }

  /** Sets the key to what it was at `revision`, as a new version: what came between stays in the history. */
  @Post(':key/rollback')
  @HttpCode(200)
  async rollback(
    @Param('namespace') namespace: string,
    @Param('key') key: string,
    @Body(validated(RollbackBody)) { revision }: RollbackBody,
    @Headers() headers: WriteHeaders,
  ): Promise<object> {
    const fullKey = configKey(namespace, checkedConfigKey(key));
    const { record } = await this.requests.ask('get', { key: fullKey, revision });
    if (record === null) throw wireError('KEY_NOT_FOUND', `the key did not exist at revision ${revision}`);
    return this.requests.ask(
      'put',
      { key: fullKey, value: record.value, ifRevision: revisionOfIfMatch(headers['if-match']) },
      { idempotencyKey: headers['idempotency-key'] },
    );
  }

  private async records(
    namespacePrefix: string,
    prefix: string,
  ): Promise<{ readonly revision: number; readonly records: readonly WireRecord[]; readonly more: boolean }> {
    const { revision, records, more } = await this.requests.ask('range', {
      range: { prefix: namespacePrefix + prefix },
      limit: MAX_LISTED_RECORDS,
    });
    return { revision, records, more };
  }
}
