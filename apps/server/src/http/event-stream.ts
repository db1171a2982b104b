import type { ServerResponse } from 'node:http';
import type { WatchMessage } from '@latchkey/contracts';
import type { SharedMessage } from '../watch/shared-message.js';
import type { Watch, WatchSink } from '../watch/watch.js';

/** Proxies and clients give up on a stream that says nothing. */
const KEEP_ALIVE_INTERVAL_MS = 15_000;

export type EventStreamOptions = {
  readonly response: ServerResponse;
  /** A symbol of its own for each encoding, so that streams with the same one share the text. */
  readonly format: symbol;
  /** The text of a message; '' sends nothing. */
  readonly encode: (message: WatchMessage) => string;
  /** The watch is over; true when the stream goes on by other means. */
  readonly onEnded: (message: Extract<WatchMessage, { readonly type: 'ended' }>) => boolean;
  readonly onWritable: () => void;
};

/** One stream of server-sent events as the sink of a watch. */
export class EventStream implements WatchSink {
  private readonly keepAlive: NodeJS.Timeout;

  constructor(private readonly options: EventStreamOptions) {
    const { response } = options;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    response.on('drain', options.onWritable);
    this.keepAlive = setInterval(() => this.write(': alive\n\n'), KEEP_ALIVE_INTERVAL_MS);
    response.once('close', () => clearInterval(this.keepAlive));
  }

  get isWritable(): boolean {
    return !this.options.response.writableNeedDrain;
  }

  deliver(_watch: Watch, message: SharedMessage): void {
    const { content } = message;
    if (content.type === 'ended' && this.options.onEnded(content)) return;
    this.write(message.encodedAs(this.options.format, this.options.encode));
    if (content.type === 'ended') this.options.response.end();
  }

  write(text: string): void {
    if (text !== '' && this.options.response.writable) this.options.response.write(text);
  }
}

/** `id` only where a client may resume: after the last event of a revision. */
export function eventText(data: Readonly<Record<string, unknown>>, id: number | null, name?: string): string {
  const head = `${name === undefined ? '' : `event: ${name}\n`}${id === null ? '' : `id: ${id}\n`}`;
  // JSON on one line: no value can end the event early.
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}
