import type { WatchMessage, WireEvent } from '@latchkey/contracts';
import { configEntry, jsonOfConfig } from './config-key.js';
import { eventText } from './event-stream.js';
import { jsonRecord } from './json-shapes.js';

type EventJson = (event: WireEvent) => Readonly<Record<string, unknown>>;

const revisionOf = (event: WireEvent): number => (event.type === 'put' ? event.record.modRevision : event.revision);

function kvEvent(event: WireEvent): Readonly<Record<string, unknown>> {
  const revision = revisionOf(event);
  if (event.type === 'delete') return { type: 'delete', revision, key: event.key };
  return { type: 'put', revision, ...jsonRecord(event.record) };
}

function configEvent(event: WireEvent, prefix: string): Readonly<Record<string, unknown>> {
  const revision = revisionOf(event);
  const previous = event.previous === null ? null : jsonOfConfig(event.previous.value);
  if (event.type === 'delete') return { type: 'delete', key: event.key.slice(prefix.length), previous, revision };
  const { key, value, version, updatedAt } = configEntry(event.record, prefix);
  return { type: 'set', key, value, previous, revision, version, updatedAt };
}

/** `GET /v1/watch` */
export const kvWatchText = (message: WatchMessage): string => watchText(message, kvEvent);

/** `GET /v1/config/{namespace}/watch` */
export const configWatchText = (message: WatchMessage, prefix: string): string =>
  watchText(message, (event) => configEvent(event, prefix));

function watchText(message: WatchMessage, json: EventJson): string {
  switch (message.type) {
    case 'created':
      return `: watching from revision ${message.revision}\n\n`;
    case 'progress':
      // An id without data: a client that resumes later does not ask for what is compacted by then.
      return `id: ${message.revision}\n\n`;
    case 'ended':
      return eventText({ ...message.error }, null, 'ended');
    case 'events': {
      const { events } = message;
      return events
        .map((event, index) => {
          const next = events[index + 1];
          const isLastOfRevision = next === undefined || revisionOf(next) !== revisionOf(event);
          return eventText(json(event), isLastOfRevision ? revisionOf(event) : null);
        })
        .join('');
    }
  }
}
