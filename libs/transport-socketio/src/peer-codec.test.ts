import { logIndex, term, type RaftMessage } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeMessage } from './peer-codec.js';
import { anyMessages, peerMessages, raftMessages } from './test-support/arbitrary-peer-message.js';
import { append, chunk, command, encodeFrame } from './test-support/peer-messages.js';

const SEED = 20_251;
const RUNS = 300;

describe('peer codec', () => {
  it.each(Object.entries(raftMessages))('brings back a %s as it was', (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<RaftMessage>, (message) => {
        expect(decodeFrame(encodeFrame([{ type: 'raft', message }]))).toStrictEqual([{ type: 'raft', message }]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it.each(Object.entries(peerMessages))('brings back a message of kind %s as it was', (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<PeerMessage>, (message) => {
        expect(decodeFrame(encodeFrame([message]))).toStrictEqual([message]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('brings back the address of a node whose name means something to JavaScript', () => {
    const addresses = Object.fromEntries([
      ['__proto__', 'http://a:1'],
      ['constructor', 'http://b:1'],
    ]);
    const membership = { voters: [], votersOutgoing: [], learners: [], addresses };
    const [message] = decodeFrame(
      encodeFrame([append([{ type: 'membership', index: logIndex(1), term: term(1), membership }])]),
    );
    const entry =
      message?.type === 'raft' && message.message.type === 'appendRequest' ? message.message.entries[0] : null;
    expect(entry?.type === 'membership' && Object.entries(entry.membership.addresses ?? {})).toEqual([
      ['__proto__', 'http://a:1'],
      ['constructor', 'http://b:1'],
    ]);
  });

  it('brings back any run of messages in its order', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        expect(decodeFrame(encodeFrame(messages))).toStrictEqual(messages);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('encodes entries once for all peers that get the same array', () => {
    const entries = [command(1, Buffer.alloc(100, 7))];
    expect(encodeMessage(append(entries)).tail).toBe(encodeMessage(append(entries)).tail);
    expect(encodeMessage(append([...entries])).tail).not.toBe(encodeMessage(append(entries)).tail);
  });

  it('gives views of the received bytes instead of copies', () => {
    const frame = new Uint8Array(encodeFrame([append([command(1, Buffer.from('data'))])]));
    const [message] = decodeFrame(frame);
    expect(message).toMatchObject({ message: { entries: [{ data: { buffer: frame.buffer } }] } });
  });

  it('hands the data of a chunk on as it is, on both sides', () => {
    const data = Buffer.alloc(300, 7).subarray(100, 200);
    const { tail } = encodeMessage(chunk(data));
    expect([tail?.buffer === data.buffer, tail?.byteOffset, tail?.length]).toEqual([true, data.byteOffset, 100]);
    const frame = new Uint8Array(encodeFrame([chunk(data)]));
    const [message] = decodeFrame(frame);
    expect(message?.type === 'snapshotChunk' && message.data.buffer === frame.buffer).toBe(true);
  });

  it('takes at most 12 bytes for a heartbeat of a young cluster and its answer', () => {
    expect(encodeFrame([append([])]).length).toBeLessThanOrEqual(12);
    const accepted: RaftMessage = {
      type: 'appendAccepted',
      term: term(3),
      matchIndex: logIndex(100_000),
      confirmRound: 5_000,
      wantsCommitNotice: true,
    };
    expect(encodeFrame([{ type: 'raft', message: accepted }]).length).toBeLessThanOrEqual(12);
  });
});
