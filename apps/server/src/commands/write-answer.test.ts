import { describe, expect, it } from 'vitest';
import { ERROR_TRAITS } from '@latchkey/contracts';
import { ReplicaError } from '@latchkey/replica';
import { key, leaseId, revision, type KeyRecord, type Refusal, type RefusalCode } from '@latchkey/state-machine';
import { bytesOfText, keyOfText, textOfBytes } from './key-text.js';
import { answerOf } from './write-answer.js';
import { errorBodyOfRefusal, errorBodyOfReplica } from './wire-error.js';

const AT = revision(9);
const whole = (ttlMs: number): number => ttlMs;
const record: KeyRecord = {
  key: key(bytesOfText('ключ')),
  value: new Uint8Array([1, 2]),
  createRevision: revision(3),
  modRevision: revision(4),
  version: 2,
  leaseId: null,
  updatedAtMs: 1,
};

describe('what an outcome means to the client', () => {
  it('gives the previous version only to who asked for it', () => {
    const outcome = { type: 'put', revision: AT, previous: record } as const;
    const request = { op: 'put', key: 'ключ', value: record.value } as const;
    expect(answerOf(request, outcome, whole)).toEqual({ result: { revision: 9 } });
    expect(answerOf({ ...request, previous: true }, outcome, whole)).toMatchObject({
      result: { previous: { key: 'ключ', modRevision: 4, lease: null } },
    });
  });

  it('matches the responses of a transaction to the branch that ran, also nested', () => {
    const put = { op: 'put', key: 'a', value: record.value, previous: true } as const;
    const inner = { op: 'txn', compare: [], success: [], failure: [put] } as const;
    const request = { op: 'txn', compare: [], success: [], failure: [inner] } as const;
    const putOutcome = { type: 'put', revision: AT, previous: null } as const;
    const innerOutcome = { type: 'transaction', revision: AT, succeeded: false, responses: [putOutcome] } as const;
    const outcome = { type: 'transaction', revision: AT, succeeded: false, responses: [innerOutcome] } as const;
    expect(answerOf(request, outcome, whole)).toEqual({
      result: {
        revision: 9,
        succeeded: false,
        responses: [
          { op: 'txn', revision: 9, succeeded: false, responses: [{ op: 'put', revision: 9, previous: null }] },
        ],
      },
    });
  });

  it('tells the id that the first attempt of a grant was given', () => {
    const outcome = { type: 'leaseGranted', revision: AT, leaseId: leaseId('00000000000000aa'), ttlMs: 500 } as const;
    expect(answerOf({ op: 'leaseGrant', ttlMs: 500 }, outcome, (ttlMs) => ttlMs - 7)).toEqual({
      result: { revision: 9, id: '00000000000000aa', ttlMs: 500, remainingMs: 493 },
    });
  });

  it('refuses to give a release that released nothing for a success', () => {
    const outcome = { type: 'queueLeft', revision: AT, left: false, fencingToken: null } as const;
    const request = { op: 'release', space: 'locks', name: 'x', lease: '00000000000000aa' } as const;
    expect(answerOf(request, outcome, whole)).toMatchObject({ error: { code: 'LOCK_NOT_HELD' } });
  });

  it('says so when an identity was used before for something else', () => {
    const outcome = { type: 'compacted', revision: AT, compactRevision: revision(2) } as const;
    expect(answerOf({ op: 'put', key: 'a', value: record.value }, outcome, whole)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT' },
    });
  });
});

describe('what a refusal means to the client', () => {
  const codes: readonly RefusalCode[] = [
    'REVISION_MISMATCH',
    'KEY_NOT_FOUND',
    'LEASE_NOT_FOUND',
    'LEASE_EXISTS',
    'LOCK_NOT_HELD',
    'COMPACTED',
    'FUTURE_REVISION',
    'DUPLICATE_KEY',
    'TOO_LARGE',
    'TOO_MANY',
    'SESSION_NOT_FOUND',
    'SEQUENCE_ACKNOWLEDGED',
    'IDEMPOTENCY_KEY_REUSED',
    'INVALID_TTL',
    'QUEUE_PLACE_LOST',
    'MALFORMED',
  ];

  it.each(codes)('%s has a code of the wire', (code) => {
    const refusal: Refusal = { type: 'refused', code, revisionDetail: null };
    const body = errorBodyOfRefusal(refusal);
    expect(ERROR_TRAITS[body.code]).toBeDefined();
    expect(body.retry).toBe(ERROR_TRAITS[body.code].retry);
  });

  it('carries the revision that helps', () => {
    const refused = (code: RefusalCode): Refusal => ({ type: 'refused', code, revisionDetail: AT });
    expect(errorBodyOfRefusal(refused('COMPACTED')).details).toEqual({ compactRevision: 9 });
    expect(errorBodyOfRefusal(refused('REVISION_MISMATCH')).details).toEqual({ currentRevision: 9 });
  });
});

describe('what a failed operation means to the client', () => {
  it.each([
    ['NO_LEADER', 'UNAVAILABLE', 'safe'],
    ['SHUTTING_DOWN', 'UNAVAILABLE', 'safe'],
    ['NOT_LEADER', 'UNAVAILABLE', 'safe'],
    ['TRANSFER_FAILED', 'UNAVAILABLE', 'safe'],
    ['MEMBERSHIP_REFUSED', 'INVALID_ARGUMENT', 'never'],
    ['OVERLOADED', 'OVERLOADED', 'safe'],
    ['TOO_LARGE', 'TOO_LARGE', 'never'],
    ['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'onlyIfIdempotent'],
  ] as const)('%s is %s, retry %s', (code, wireCode, retry) => {
    expect(errorBodyOfReplica(new ReplicaError(code, 'never', ''))).toMatchObject({ code: wireCode, retry });
  });

  it('is not made of a bug', () => {
    expect(errorBodyOfReplica(new TypeError('x is not a function'))).toBeNull();
  });
});

describe('text and keys', () => {
  it.each(['plain', 'schlüssel', 'ключ/鍵/🔑', 'a\u0000b'])('%j comes back from its bytes', (text) => {
    expect(textOfBytes(keyOfText(text))).toBe(text);
    expect(Buffer.from(bytesOfText(text), 'latin1')).toEqual(Buffer.from(text, 'utf8'));
  });
});
