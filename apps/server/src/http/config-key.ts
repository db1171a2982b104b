import { MAX_KEY_BYTES, type WireRecord } from '@latchkey/contracts';
import { wireError } from '../commands/wire-error.js';

/** Configuration is a view of the key space: `config/<namespace>/<key>`, each value a JSON text. */
export const configPrefix = (namespace: string): string => `config/${checkedNamespace(namespace)}/`;

export const configKey = (namespace: string, key: string): string => configPrefix(namespace) + key;

/** The whole of a JSON value fits where its key does. @throws WireError */
function checkedNamespace(namespace: string): string {
  if (!/^[\w.-]{1,64}$/.test(namespace))
    throw wireError('INVALID_ARGUMENT', 'namespace: must be 1 to 64 letters, digits, dots, dashes or underscores', {
      field: 'namespace',
    });
  return namespace;
}

export function jsonOfConfig(value: Uint8Array): unknown {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    // Written past the configuration API: shown as the text that it is.
    return text;
  }
}

export const configBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

/** `record.key` begins with `prefix`. */
export function configEntry(record: WireRecord, prefix: string): Readonly<Record<string, unknown>> {
  const { createRevision, modRevision, version, lease, updatedAtMs } = record;
  return {
    key: record.key.slice(prefix.length),
    value: jsonOfConfig(record.value),
    revision: modRevision,
    createRevision,
    modRevision,
    version,
    lease,
    updatedAt: new Date(updatedAtMs).toISOString(),
  };
}

export function checkedConfigKey(key: string): string {
  if (key === '' || Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw wireError('INVALID_ARGUMENT', `key: must have 1 to ${MAX_KEY_BYTES} bytes`, { field: 'key' });
  return key;
}
