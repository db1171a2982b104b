import { CURRENT_BEHAVIOUR } from './behaviour-flags.js';
import { ByteCounter, ByteWriter, type ByteSink } from './byte-sink.js';
import { ByteSource, MalformedCommandBatch } from './byte-source.js';
import { decodeCommand } from './command-decoder.js';
import { encodeCommand } from './command-encoder.js';
import { ORIGIN_TYPES } from './command-wire.js';
import type { Command, CommandBatch, CommandOrigin } from './commands.js';
import { assertNever, invariant } from './invariant.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from './limits.js';

const IDEMPOTENCY_KEY_LENGTH = { minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH };

/**
 * The bytes of a log entry: behaviour number, origin, number of commands, commands; for a session each command after its
 * sequence. There is one encoding of a batch. Sized first, then written into one allocation.
 * @throws StateInvariantViolation for what no edge may let through: a number that is not whole, negative or above 2^53,
 *   a character above 255 in a key, name or idempotency key, a wrong number of sequences. Lengths are not checked here:
 *   over-long keys make the whole batch MALFORMED where it is applied.
 */
export function encodeCommandBatch(batch: CommandBatch): Uint8Array {
  const counter = new ByteCounter();
  encodeBatch(counter, batch);
  const writer = new ByteWriter(counter.size);
  encodeBatch(writer, batch);
  return writer.finish();
}

/**
 * Copies what it keeps: the batch does not hold on to `bytes`. Values of 65 to 512 bytes are views of copies of up to
 * 2 KiB, so mind `byteOffset` when you look at a value's `buffer`.
 * @throws MalformedCommandBatch for everything that `encodeCommandBatch` could not have written.
 */
export function decodeCommandBatch(bytes: Uint8Array): CommandBatch {
  const source = new ByteSource(bytes);
  const behaviour = source.byte();
  if (behaviour !== CURRENT_BEHAVIOUR) throw new MalformedCommandBatch(`unknown behaviour number: ${behaviour}`);
  const originType = ORIGIN_TYPES[source.byte()];
  const batch = decodeBatch(source, originType);
  if (source.remaining > 0) throw new MalformedCommandBatch(`${source.remaining} bytes too many`);
  return batch;
}

function encodeBatch(sink: ByteSink, { origin, commands }: CommandBatch): void {
  sink.byte(CURRENT_BEHAVIOUR);
  sink.byte(ORIGIN_TYPES.indexOf(origin.type));
  switch (origin.type) {
    case 'none':
      return encodeCommands(sink, commands, null);
    case 'session':
      invariant(origin.sequences.length === commands.length, 'a session gives each command a sequence');
      sink.leaseId(origin.leaseId);
      sink.varint(origin.acknowledgedThrough);
      return encodeCommands(sink, commands, origin.sequences);
    case 'idempotencyKey':
      sink.text(origin.idempotencyKey);
      return encodeCommands(sink, commands, null);
    default:
      return assertNever(origin);
  }
}

function encodeCommands(sink: ByteSink, commands: readonly Command[], sequences: readonly number[] | null): void {
  sink.varint(commands.length);
  let position = 0;
  for (const command of commands) {
    if (sequences !== null) sink.varint(sequences[position] ?? 0);
    encodeCommand(sink, command);
    position += 1;
  }
}

function decodeBatch(source: ByteSource, originType: CommandOrigin['type'] | undefined): CommandBatch {
  switch (originType) {
    case 'none':
      return { origin: { type: 'none' }, commands: decodeCommands(source, null) };
    case 'session': {
      const sequences: number[] = [];
      const session = { type: originType, leaseId: source.leaseId(), acknowledgedThrough: source.varint(), sequences };
      return { origin: session, commands: decodeCommands(source, sequences) };
    }
    case 'idempotencyKey': {
      const idempotencyKey = source.text(IDEMPOTENCY_KEY_LENGTH);
      return { origin: { type: originType, idempotencyKey }, commands: decodeCommands(source, null) };
    }
    case undefined:
      throw new MalformedCommandBatch('unknown type of origin');
    default:
      return assertNever(originType);
  }
}

function decodeCommands(source: ByteSource, sequences: number[] | null): Command[] {
  const length = source.varint();
  const commands: Command[] = [];
  for (let index = 0; index < length; index += 1) {
    sequences?.push(source.varint());
    commands.push(decodeCommand(source));
  }
  return commands;
}
