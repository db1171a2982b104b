import type { ServerResponse } from 'node:http';
import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import { WatchQuery } from '@latchkey/contracts';
import { ClusterNode } from '../cluster/cluster-node.js';
import { rangeOfWire } from '../commands/key-text.js';
import { wireRecord } from '../commands/to-result.js';
import { WireError, wireError } from '../commands/wire-error.js';
import { WatchHub } from '../watch/watch-hub.js';
import { WatchOpener } from '../watch/watch-opener.js';
import { configEntry, configPrefix } from './config-key.js';
import { EventStream, eventText } from './event-stream.js';
import { optionalNumber } from './if-match.js';
import { validated } from './validated.js';
import { configWatchText, kvWatchText } from './watch-texts.js';

const KV_TEXT = Symbol('kv events');
const NO_ID = 0;

/** Server-sent events. `Last-Event-ID`, which a browser's EventSource sends by itself, wins over `fromRevision`. */
@Controller('v1')
export class WatchController {
  constructor(
    @Inject(WatchOpener) private readonly watches: WatchOpener,
    @Inject(WatchHub) private readonly hub: WatchHub,
    @Inject(ClusterNode) private readonly node: ClusterNode,
  ) {}

  @Get('watch')
  async watchKeys(
    @Query(validated(WatchQuery)) query: WatchQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const fromRevision = firstRevision(query, lastEventId);
    const { compactRevision } = this.node.state.reader;
    if (fromRevision !== undefined && fromRevision <= compactRevision)
      throw wireError('COMPACTED', 'that revision has been compacted away', { compactRevision });
    const prepared = await this.watches.prepare(withRevision({ prefix: query.prefix ?? '' }, fromRevision));
    if ('error' in prepared) throw new WireError(prepared.error);
    const stream = new EventStream({
      response,
      format: KV_TEXT,
      encode: kvWatchText,
      onEnded: () => false,
      onWritable: () => this.hub.writable(),
    });
    const watch = prepared.open(NO_ID, stream);
    response.once('close', () => this.watches.close(watch));
  }

  @Get('config/:namespace/watch')
  async watchConfig(
    @Param('namespace') namespace: string,
    @Query(validated(WatchQuery)) query: WatchQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const prefix = configPrefix(namespace);
    const range = { prefix: prefix + (query.prefix ?? '') };
    const prepared = await this.watches.prepare({
      ...withRevision(range, firstRevision(query, lastEventId)),
      previous: true,
    });
    if ('error' in prepared) throw new WireError(prepared.error);
    const stream: EventStream = new EventStream({
      response,
      format: Symbol.for(`config events ${prefix}`),
      encode: (message) => configWatchText(message, prefix),
      onEnded: ({ error }) => {
        if (error.code !== 'COMPACTED') return false;
        void this.reset({ prefix, range, response, stream });
        return true;
      },
      onWritable: () => this.hub.writable(),
    });
    const watch = prepared.open(NO_ID, stream);
    response.once('close', () => this.watches.close(watch));
  }

  /** The history is gone, so the whole of what is there now is sent, and the watch goes on from there without a gap. */
  private async reset(watched: {
    readonly prefix: string;
    readonly range: { readonly prefix: string };
    readonly response: ServerResponse;
    readonly stream: EventStream;
  }): Promise<void> {
    const { prefix, range, response, stream } = watched;
    const prepared = await this.watches.prepare({ range, previous: true });
    if (!response.writable) return;
    if ('error' in prepared) {
      // No leader for the snapshot: the client reconnects with the id that it has.
      stream.write(eventText({ ...prepared.error }, null, 'ended'));
      response.end();
      return;
    }
    // All in one turn: nothing is applied between the snapshot and the watch.
    const { reader } = this.node.state;
    const { records } = reader.range({ range: rangeOfWire(range), limit: 0, revision: null, keysOnly: false });
    const entries = records.map((record) => configEntry(wireRecord(record), prefix));
    stream.write(eventText({ type: 'reset', revision: reader.revision, entries }, reader.revision));
    const watch = prepared.open(NO_ID, stream);
    response.once('close', () => this.watches.close(watch));
  }
}

function firstRevision(query: WatchQuery, lastEventId: string | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') {
    const fromRevision = optionalNumber(query.fromRevision);
    if (fromRevision === 0)
      throw wireError('INVALID_ARGUMENT', 'fromRevision: must be 1 or more', { field: 'fromRevision' });
    return fromRevision;
  }
  if (!/^\d{1,15}$/.test(lastEventId))
    throw wireError('INVALID_ARGUMENT', 'Last-Event-ID: must be a revision', { field: 'Last-Event-ID' });
  return Number(lastEventId) + 1;
}

const withRevision = <Range>(
  range: Range,
  fromRevision: number | undefined,
): { range: Range; fromRevision?: number } => (fromRevision === undefined ? { range } : { range, fromRevision });
