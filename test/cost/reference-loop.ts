/**
 * A fixed piece of work of the kinds that a node is made of: small objects and lists, a map of ten thousand keys, copies of
 * buffers, integer arithmetic over bytes, text and its UTF-8. Its cost on a machine is what the costs of Latchkey's own
 * paths are counted in there.
 *
 * NEVER CHANGE IT, not even for the better: every number in `stored-costs.json` is a multiple of it. It uses nothing of this
 * repository, so that nothing else changes it either.
 */

const KEYS = 10_000;
const OPERATIONS = 6_400;
const VALUE_BYTES = 256;
const BATCH = 64;
/** Without a common factor with KEYS: all keys come by, in no order. */
const STRIDE = 7_919;
const FNV_PRIME = 0x01000193;
const FNV_BASIS = 0x811c9dc5;

type Version = {
  readonly name: string;
  readonly value: Uint8Array;
  readonly revision: number;
  readonly previous: number | null;
};

const names: readonly string[] = Array.from({ length: KEYS }, (_, number) => `reference/schlüssel/${number}`);
const template = Buffer.from(Array.from({ length: VALUE_BYTES }, (_, index) => (index * 31 + 7) & 0xff));
/** Lives across calls as a node's state does: each call finds what the one before has left, which is always the same. */
const versions = new Map<string, Version>();
for (let position = 0; position < KEYS; position += 1) {
  const version = versionAt(position);
  versions.set(version.name, version);
}

/** @returns a number that follows from all of the work, the same each time */
export function referenceLoop(): number {
  let hash = FNV_BASIS;
  for (let first = 0; first < OPERATIONS; first += BATCH) {
    const batch: Version[] = [];
    for (let position = first; position < first + BATCH; position += 1) batch.push(versionAt(position));
    hash = Math.imul(hash ^ encodedHash(batch), FNV_PRIME) >>> 0;
    for (const version of batch) versions.set(version.name, version);
  }
  return hash;
}

function versionAt(position: number): Version {
  const name = names[(position * STRIDE) % KEYS] ?? '';
  const value = Buffer.allocUnsafe(VALUE_BYTES);
  template.copy(value);
  value.writeUInt32LE(position, 0);
  return { name, value, revision: position + 1, previous: versions.get(name)?.revision ?? null };
}

function encodedHash(batch: readonly Version[]): number {
  const parts: Uint8Array[] = [];
  for (const { name, value, revision, previous } of batch) {
    const head = Buffer.from(`${name}@${revision}<${previous ?? '-'}`, 'utf8');
    parts.push(head, value);
  }
  const frame = Buffer.concat(parts);
  let hash = FNV_BASIS;
  for (let index = 0; index < frame.length; index += 1) hash = Math.imul(hash ^ (frame[index] ?? 0), FNV_PRIME);
  const decoded = frame.toString('utf8', 0, VALUE_BYTES);
  return (hash ^ decoded.length) >>> 0;
}
