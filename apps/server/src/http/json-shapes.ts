import { isUtf8 } from 'node:buffer';
import type { TxnResult, WireOperationResult, WireRecord } from '@latchkey/contracts';
import { wireError } from '../commands/wire-error.js';

/** `{value}` when the bytes are text, else `{valueBase64}`. */
export type JsonValue = { readonly value: string } | { readonly valueBase64: string };

export function jsonValue(bytes: Uint8Array): JsonValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { value: buffer.toString('utf8') } : { valueBase64: buffer.toString('base64') };
}

/** The other way round; exactly one of the two is given. @throws WireError */
export function bytesOfJson(body: { readonly value?: unknown; readonly valueBase64?: unknown }): Uint8Array {
  const { value, valueBase64 } = body;
  if (value !== undefined && valueBase64 !== undefined)
    throw wireError('INVALID_ARGUMENT', 'valueBase64: give value or valueBase64, not both', { field: 'valueBase64' });
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (typeof valueBase64 === 'string') return Buffer.from(valueBase64, 'base64');
  throw wireError('INVALID_ARGUMENT', 'value: must be text (or give valueBase64)', { field: 'value' });
}

/** A key as HTTP shows it. */
export function jsonRecord(record: WireRecord, keysOnly = false): Readonly<Record<string, unknown>> {
  const { key, value, createRevision, modRevision, version, lease } = record;
  return { key, ...(keysOnly ? {} : jsonValue(value)), createRevision, modRevision, version, lease };
}

export function jsonTxnResult(result: TxnResult): Readonly<Record<string, unknown>> {
  return {
    revision: result.revision,
    succeeded: result.succeeded,
    responses: result.responses.map(jsonOperationResult),
  };
}

function jsonOperationResult(result: WireOperationResult): Readonly<Record<string, unknown>> {
  switch (result.op) {
    case 'put': {
      const { previous, ...rest } = result;
      return previous === undefined ? rest : { ...rest, previous: previous === null ? null : jsonRecord(previous) };
    }
    case 'delete': {
      const { previous, ...rest } = result;
      return previous === undefined ? rest : { ...rest, previous: previous.map((record) => jsonRecord(record)) };
    }
    case 'range':
      return { ...result, records: result.records.map((record) => jsonRecord(record)) };
    case 'txn':
      return { op: 'txn', ...jsonTxnResult(result) };
  }
}
