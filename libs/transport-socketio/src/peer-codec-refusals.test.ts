import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecError } from './codec-error.js';
import { decodeFrame, frameVersion } from './peer-codec.js';
import { anyMessages } from './test-support/arbitrary-peer-message.js';
import { append, command, encodeFrame } from './test-support/peer-messages.js';

const SEED = 20_251;
/** A verdict with the store of one founder, before its mark. */
const FOUNDER_STORE = [1, 39, 1, 1, 0x61, 5, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0x61, 1, 0x61, 5];

describe('peer codec, given what no peer of its version sends', () => {
  it('refuses a frame that is cut at any byte', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        const frame = encodeFrame(messages);
        for (let byteLength = 0; byteLength < frame.length; byteLength += 1) {
          expect(() => decodeFrame(frame.subarray(0, byteLength))).toThrow(CodecError);
        }
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it('refuses a byte after the last message', () => {
    const frame = encodeFrame([append([command(1, Buffer.from('x'))])]);
    expect(() => decodeFrame(Buffer.concat([frame, Buffer.of(0)]))).toThrow(CodecError);
  });

  it('answers random and damaged bytes with a CodecError or a well-formed message, nothing else', () => {
    const damaged = fc.tuple(anyMessages, fc.nat(), fc.nat(255)).map(([messages, position, byte]) => {
      const frame = Buffer.from(encodeFrame(messages));
      frame[position % frame.length] = byte;
      return frame;
    });
    const startsWell = fc.uint8Array({ maxLength: 60 }).map((rest) => Buffer.from([frameVersion, 1, ...rest]));
    let refusedCount = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, startsWell, fc.uint8Array({ maxLength: 60 })), (frame) => {
        try {
          // What passes must be a message in every field: it can be encoded again.
          encodeFrame(decodeFrame(frame));
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
          refusedCount += 1;
        }
      }),
      { seed: SEED, numRuns: 3_000 },
    );
    expect(refusedCount).toBeGreaterThan(1_000);
  });

  it.each([
    ['an unknown message type', [1, 99, 0], /unknown message type 99/],
    ['an unknown Raft message type', [1, 31, 0], /unknown message type 31/],
    ['no message', [0], /without a message/],
    ['a number above 2^53 - 1', [1, 36, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], /above 2\^53 - 1/],
    [
      'a number that never ends',
      [1, 36, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      /longer than 8 bytes/,
    ],
    ['a body longer than the frame', [1, 34, 0, 0xff, 0xff, 0xff, 0x7f, 1, 2], /over the end/],
    ['more messages announced than there are', [0xff, 0xff, 0xff, 0x7f, 36, 0], /ends early/],
    ['a boolean that is 2', [1, 4, 1, 2], /not a boolean/],
    ['a node id with a space', [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 1, 1, 0x20, 0, 0, 0], /not a node id/],
    [
      'two addresses of one node',
      [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 1, 2, 1, 0x61, 0, 1, 0x61, 0],
      /two addresses of a/,
    ],
    ['an address that is not UTF-8', [1, 5, 1, 0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 1, 1, 1, 0x61, 1, 0xff], /not UTF-8/],
    ['a reason of a refusal that nobody knows', [1, 33, 4, 0], /unknown reason/],
    ['an unknown kind of bulk message', [1, 50, 1, 1, 0], /unknown message type 50/],
    ['a state of a transfer that nobody knows', [1, 49, 1, 1, 3], /unknown state/],
    [
      'a checksum of 33 bits',
      [1, 48, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 0],
      /more than 32 bits/,
    ],
    [
      'a chunk whose data goes over the end',
      [1, 48, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0x7f, 7],
      /over the end/,
    ],
    ['a membership with endless voters', [1, 48, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0x61], /ends early/],
    ['a store without a claim', [1, 39, 0, 1, 0x61, 5, 0, 0, 0, 0, 0, 0, 0], /present claim .* is missing/],
    ['a store that has forgotten the present claim', [1, 39, 0, 1, 0x61, 5, 1, 1, 7, 0, 0, 0, 0, 0, 0], /is missing/],
    ['two claims of one epoch', [1, 39, 0, 1, 0x61, 5, 2, 0, 7, 0, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['claims that go back', [1, 39, 0, 1, 0x61, 5, 2, 0, 7, 1, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['a claim before the first', [1, 39, 0, 1, 0x61, 5, 2, 6, 7, 0, 8, 0, 0, 0, 0, 0, 0], /not in order/],
    ['more claims than a store remembers', [1, 39, 0, 1, 0x61, 5, 81, 0, 7], /81 claims/],
    ['neither part nor none', [1, 39, 0, 1, 0x61, 5, 1, 0, 7, 2, 0, 0, 0, 0, 0], /not a boolean: 2/],
    ['a mark above 2^53 - 1', [1, 39, 0, 1, 0x61, 5, 1, 0, ...Array<number>(7).fill(0xff), 0x7f], /above 2\^53 - 1/],
    ['a mark that is neither there nor missing', [...FOUNDER_STORE, 2], /not a boolean/],
    ['a mark that is said to be there', [...FOUNDER_STORE, 1], /ends early/],
  ])('refuses %s', (_what, afterVersion, message) => {
    const frame = Buffer.from([frameVersion, ...afterVersion]);
    expect(() => decodeFrame(frame)).toThrow(CodecError);
    expect(() => decodeFrame(frame)).toThrow(message);
  });

  it('refuses another version', () => {
    expect(() => decodeFrame(Buffer.from([frameVersion - 1, 1, 36, 0]))).toThrow(/this node speaks/);
  });
});
