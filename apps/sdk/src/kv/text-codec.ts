import { InvalidArgumentError } from '../errors/latchkey-error.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value as callers give it: text becomes UTF-8. */
export type ValueInput = string | Uint8Array;

export function toBytes(value: ValueInput): Uint8Array {
  return typeof value === 'string' ? encoder.encode(value) : value;
}

export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** @throws InvalidArgumentError for what JSON cannot express (undefined, functions, cycles, BigInt) */
export function toJsonBytes(value: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new InvalidArgumentError('the value cannot be written as JSON', { details: { field: 'value' }, cause });
  }
  if (text === undefined) {
    throw new InvalidArgumentError('the value cannot be written as JSON', { details: { field: 'value' } });
  }
  return encoder.encode(text);
}

/** @throws SyntaxError when the bytes are not JSON */
export function fromJsonBytes(bytes: Uint8Array): unknown {
  return JSON.parse(toText(bytes)) as unknown;
}
