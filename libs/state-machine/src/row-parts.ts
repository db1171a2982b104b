import { ByteCounter, ByteWriter, type ByteSink } from './byte-sink.js';
import { ByteSource } from './byte-source.js';
import { checkRows } from './corrupt-state-rows.js';
import type { StateRow } from './state-rows.js';

/** The longest value of a row that is a part of something longer. */
export const MAX_PART_BYTES = 256 * 1024;
const PART_NUMBER_BYTES = 2;

/** Writes bytes that may be too many for one row. */
export type Encode = (sink: ByteSink) => void;

/** How many rows the bytes take. */
export const partCount = (encode: Encode): number => Math.ceil(framedSize(encode).total / MAX_PART_BYTES);

/** @param prefix of the rows' keys; the number of the part follows it */
export function* partRows(prefix: Uint8Array, encode: Encode): IterableIterator<StateRow> {
  const { body, total } = framedSize(encode);
  const writer = new ByteWriter(total);
  writer.varint(body);
  encode(writer);
  const bytes = writer.finish();
  if (total <= MAX_PART_BYTES) yield { key: partKey(prefix, 0), value: bytes };
  else
    for (let start = 0, part = 0; start < total; start += MAX_PART_BYTES, part += 1) {
      yield { key: partKey(prefix, part), value: bytes.slice(start, start + MAX_PART_BYTES) };
    }
}

export function partKey(prefix: Uint8Array, part: number): Uint8Array {
  const writer = new ByteWriter(prefix.length + PART_NUMBER_BYTES);
  writer.rest(prefix);
  writer.uint16(part);
  return writer.finish();
}

function framedSize(encode: Encode): { readonly body: number; readonly total: number } {
  const counter = new ByteCounter();
  encode(counter);
  const body = counter.size;
  counter.varint(body);
  return { body, total: counter.size };
}

type Whole = { readonly prefix: ByteSource; readonly body: ByteSource };
type Begun = { readonly prefix: Uint8Array; readonly parts: Uint8Array[]; missing: number };

/** Puts the parts together again, in the order of their keys. */
export class PartJoiner {
  #begun: Begun | null = null;

  /** The whole, once its last part is there. @throws CorruptStateRows when it is not the part that had to follow */
  add({ key, value }: StateRow): Whole | null {
    checkRows(key.length > PART_NUMBER_BYTES, 'the key of a part is too short');
    const prefix = key.subarray(0, key.length - PART_NUMBER_BYTES);
    const part = new ByteSource(key.subarray(prefix.length)).uint16();
    if (part === 0) return this.#begin(prefix, value);
    const begun = this.#begun;
    checkRows(begun !== null && equal(begun.prefix, prefix), 'a part without those before it');
    checkRows(part === begun.parts.length, `part ${part} after ${begun.parts.length} parts`);
    checkRows(value.length === Math.min(begun.missing, MAX_PART_BYTES), 'a part of another length than it should have');
    begun.parts.push(new Uint8Array(value));
    begun.missing -= value.length;
    if (begun.missing > 0) return null;
    this.#begun = null;
    return { prefix: new ByteSource(begun.prefix), body: bodyOf(concatenated(begun.parts)) };
  }

  /** @throws CorruptStateRows when parts are missing */
  finish(): void {
    checkRows(this.#begun === null, 'parts are missing at the end');
  }

  #begin(prefix: Uint8Array, value: Uint8Array): Whole | null {
    this.finish();
    const source = new ByteSource(value);
    const missing = source.varint() - source.remaining;
    if (missing === 0) return { prefix: new ByteSource(prefix), body: source };
    checkRows(missing > 0 && value.length === MAX_PART_BYTES, 'a first part of another length than it should have');
    this.#begun = { prefix: new Uint8Array(prefix), parts: [new Uint8Array(value)], missing };
    return null;
  }
}

function bodyOf(bytes: Uint8Array): ByteSource {
  const source = new ByteSource(bytes);
  source.varint();
  return source;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const writer = new ByteWriter(size);
  for (const part of parts) writer.rest(part);
  return writer.finish();
}

const equal = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index]);
