import * as fc from 'fast-check';
import { InvariantViolation } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import {
  assertEnvelope,
  commandOf,
  ENVELOPE_HEADER_BYTES,
  ENVELOPE_NUMBER_LIMIT,
  incarnationOf,
  isEnvelope,
  leaderTermOf,
  proposedAtMsOf,
  resealProposal,
  sealProposal,
  sequenceOf,
  stampLeaderTerm,
  stampProposedAt,
} from './proposal-envelope.js';

const SLAB = new ByteSlab();
const number48 = fc.integer({ min: 0, max: ENVELOPE_NUMBER_LIMIT - 1 });

describe('proposal envelope', () => {
  it('gives back every number and the command, whatever the leader stamps', () => {
    const numbers = fc.record({ incarnation: number48, sequence: number48, term: number48, ms: number48 });
    fc.assert(
      fc.property(numbers, fc.uint8Array(), ({ incarnation, sequence, term, ms }, command) => {
        const envelope = sealProposal({ incarnation, sequence }, command, SLAB);
        stampLeaderTerm(envelope, term);
        stampProposedAt(envelope, ms);
        expect([incarnationOf(envelope), sequenceOf(envelope)]).toEqual([incarnation, sequence]);
        expect([leaderTermOf(envelope), proposedAtMsOf(envelope)]).toEqual([term, ms]);
        expect(commandOf(envelope)).toEqual(command);
      }),
    );
  });

  it('survives being a view into a larger message', () => {
    const envelope = sealProposal({ incarnation: 2 ** 47 + 3, sequence: 2 ** 32 }, Uint8Array.of(9), SLAB);
    const frame = new Uint8Array(100).fill(0xff);
    frame.set(envelope, 13);
    const view = frame.subarray(13, 13 + envelope.byteLength);
    expect(isEnvelope(view)).toBe(true);
    expect([incarnationOf(view), sequenceOf(view)]).toEqual([2 ** 47 + 3, 2 ** 32]);
    expect([...commandOf(view)]).toEqual([9]);
  });

  it('is resealed in a copy: the first one may still be on its way', () => {
    const first = sealProposal({ incarnation: 5, sequence: 6 }, Uint8Array.of(1, 2), SLAB);
    const second = resealProposal(first, 7);
    expect([sequenceOf(first), sequenceOf(second)]).toEqual([6, 7]);
    expect([incarnationOf(second), ...commandOf(second)]).toEqual([5, 1, 2]);
  });

  it('refuses a number that does not fit, rather than to cut it', () => {
    expect(() => sealProposal({ incarnation: ENVELOPE_NUMBER_LIMIT, sequence: 1 }, new Uint8Array(0), SLAB)).toThrow(
      InvariantViolation,
    );
  });

  it('is not mistaken for other bytes', () => {
    expect(isEnvelope(new Uint8Array(ENVELOPE_HEADER_BYTES))).toBe(false);
    const short = sealProposal({ incarnation: 1, sequence: 1 }, new Uint8Array(0), SLAB).subarray(
      0,
      ENVELOPE_HEADER_BYTES - 1,
    );
    expect(isEnvelope(short)).toBe(false);
    expect(() => assertEnvelope(short)).toThrow(InvariantViolation);
  });
});
