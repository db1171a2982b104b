import { InvalidArgumentError } from '../errors/latchkey-error.js';

/** No single request may be larger: a node closes a connection whose frame is beyond its limit, and a repeat would meet the same end. */
export const MAX_REQUEST_ESTIMATED_BYTES = 2 * 1024 * 1024;
/** Deeper data is refused by the nodes as a malformed frame. */
const MAX_DEPTH = 100;

const VALUE_OVERHEAD_BYTES = 8;
const UTF8_BYTES_PER_UNIT = 3;
/** Half of a pair: text that has no UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * About how many bytes a request takes on the wire. Refuses what a node could not read, before it spoils a frame that it shares with
 * other requests.
 * @throws InvalidArgumentError naming the field
 */
export function requestSize(request: object): number {
  const bytes = sizeOf(request, '', 0);
  if (bytes <= MAX_REQUEST_ESTIMATED_BYTES) return bytes;
  throw new InvalidArgumentError(`the request is larger than ${MAX_REQUEST_ESTIMATED_BYTES} bytes`, {
    code: 'TOO_LARGE',
  });
}

function sizeOf(value: unknown, field: string, depth: number): number {
  switch (typeof value) {
    case 'string':
      if (LONE_SURROGATE.test(value)) throw unsendable(field, 'is not well-formed text');
      return VALUE_OVERHEAD_BYTES + value.length * UTF8_BYTES_PER_UNIT;
    case 'number':
    case 'boolean':
    case 'undefined':
      return VALUE_OVERHEAD_BYTES;
    case 'object':
      return sizeOfObject(value, field, depth);
    default:
      throw unsendable(field, `must not be a ${typeof value}`);
  }
}

function sizeOfObject(value: object | null, field: string, depth: number): number {
  if (value === null) return VALUE_OVERHEAD_BYTES;
  if (value instanceof Uint8Array) return VALUE_OVERHEAD_BYTES + value.byteLength;
  if (depth >= MAX_DEPTH) throw unsendable(field, 'is nested too deep');
  let bytes = VALUE_OVERHEAD_BYTES;
  if (Array.isArray(value)) {
    for (const element of value) bytes += sizeOf(element, field, depth + 1);
    return bytes;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unsendable(field, 'must be plain data');
  for (const [name, member] of Object.entries(value)) {
    bytes += VALUE_OVERHEAD_BYTES + name.length + sizeOf(member, depth === 0 ? name : field, depth + 1);
  }
  return bytes;
}

function unsendable(field: string, what: string): InvalidArgumentError {
  return new InvalidArgumentError(`${field} ${what}`, { details: { field } });
}
