import { Packr } from 'msgpackr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_EVENTS, WATCH_EVENT } from '@latchkey/contracts';
import { decodeFrame, MalformedFrame } from './frame-decoder.js';
import { encodeWatchFrame } from './frame-encoder.js';
import { SharedMessage } from '../watch/shared-message.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const RUNS = 300;

describe('reading a client’s frame', () => {
  it('gives back what msgpackr wrote', () => {
    const frame = [
      0,
      null,
      [[7, { op: 'put', key: 'schlüssel/ключ', value: Buffer.from([0, 255]), ifRevision: 4_294_967_297 }]],
    ];
    expect(decodeFrame(packr.pack(frame))).toEqual(frame);
  });

  it('gives back any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // Minus zero is zero on the wire, as in JSON.
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.stringify(decodeFrame(packr.pack(plain)))).toBe(JSON.stringify(plain));
      }),
      { numRuns: RUNS },
    );
  });

  it('leaves out a field that is undefined', () => {
    expect(decodeFrame(packr.pack({ op: 'get', key: 'a', revision: undefined }))).toEqual({ op: 'get', key: 'a' });
  });

  it('takes a field named __proto__ for a field', () => {
    const named = Buffer.concat([Buffer.of(0x81, 0xa9), Buffer.from('__proto__'), Buffer.of(0x81, 0xa1, 0x78, 0x01)]);
    const decoded = decodeFrame(named);
    expect(Object.keys(decoded as object)).toEqual(['__proto__']);
    expect((decoded as { x?: number }).x).toBeUndefined();
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it.each([
    ['an empty frame', []],
    ['a list that claims four thousand million elements', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map that claims as many', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['bytes that are not there', [0xc6, 0x7f, 0xff, 0xff, 0xff, 1]],
    ['an extension type', [0xc7, 1, 0x65, 0x90]],
    ['a regular expression', [0xd5, 0x78, 0x90, 0x90]],
    ['a field name that is a number', [0x81, 1, 1]],
    ['text that is no UTF-8', [0xa2, 0xc3, 0x28]],
    ['bytes after the document', [0xc0, 0xc0]],
    ['a type that does not exist', [0xc1]],
    ['lists nested a thousand deep', Array.from({ length: 1_000 }, () => 0x91)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decodeFrame(Buffer.from(bytes))).toThrow(MalformedFrame);
  });

  it('meets noise with a value or MalformedFrame, never with anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        try {
          decodeFrame(Buffer.from(noise));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a frame of shared watch messages', () => {
  it.each([1, 15, 16, 300])('is what packing the %i messages together would give', (count) => {
    const message = new SharedMessage({ type: 'progress', revision: 12 });
    const [tag, ...document] = encodeWatchFrame(
      Array.from({ length: count }, (_, index) => [index * 300, message] as const),
    );
    expect(tag).toBe(CLIENT_EVENTS.indexOf(WATCH_EVENT));
    expect(decodeFrame(Buffer.from(document))).toEqual(
      Array.from({ length: count }, (_, index) => [index * 300, message.content]),
    );
  });

  it('is the same buffer for every connection on which the watch has the same id, and only for these', () => {
    const message = new SharedMessage({ type: 'progress', revision: 12 });
    const frame = encodeWatchFrame([[7, message]]);
    expect(encodeWatchFrame([[7, message]])).toBe(frame);
    expect(encodeWatchFrame([[8, message]])).not.toEqual(frame);
    expect(encodeWatchFrame([[7, new SharedMessage({ type: 'progress', revision: 13 })]])).not.toEqual(frame);
  });
});
