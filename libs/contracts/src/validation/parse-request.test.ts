import { describe, expect, it } from 'vitest';
import { MAX_KEY_BYTES, MAX_TXN_DEPTH, MAX_TXN_OPERATIONS, MAX_VALUE_BYTES } from '../limits.js';
import { MAX_REQUESTS_PER_FRAME } from '../protocol.js';
import { InvalidRequest } from './invalid-request.js';
import { parseFrame } from './parse-frame.js';
import { parseRequest } from './parse-request.js';

const LIMITS = { maxValueBytes: MAX_VALUE_BYTES };
const LEASE = '00000000000000ab';
const VALUE = new Uint8Array([1]);
const LONGEST_KEY = 'k'.repeat(MAX_KEY_BYTES);

function nested(depth: number): object {
  return { op: 'txn', compare: [], success: depth === 1 ? [] : [nested(depth - 1)], failure: [] };
}

const put = { op: 'put', key: 'a', value: VALUE };
const txn = { op: 'txn', compare: [], success: [], failure: [] };
const acquire = { op: 'acquire', space: 'locks', name: 'x', lease: LEASE };

describe('a request that is as it should be', () => {
  it.each([
    [put],
    [{ ...put, key: LONGEST_KEY, lease: LEASE, ifRevision: 0, previous: true }],
    [{ ...put, key: 'ключ/鍵/🔑' }],
    [{ ...put, key: '__proto__' }],
    [{ ...put, value: new Uint8Array(MAX_VALUE_BYTES) }],
    [{ op: 'delete', range: { key: 'a' }, ifRevision: 3 }],
    [{ op: 'delete', range: { prefix: '' } }],
    [{ op: 'get', key: 'a', revision: 1, consistency: 'serializable' }],
    [{ op: 'range', range: { from: '', to: 'b' }, limit: 0, keysOnly: true }],
    [{ ...txn, compare: [{ range: { key: 'a' }, target: 'lease', result: 'equal', operand: null }], success: [put] }],
    [nested(MAX_TXN_DEPTH)],
    [{ op: 'leaseGrant', ttlMs: 100 }],
    [{ op: 'leaseGrant', ttlMs: 100, id: LEASE }],
    [{ ...acquire, waitMs: 0, owner: { any: ['json', null, 1.5] } }],
    [{ ...acquire, space: 'elections', value: VALUE }],
    [{ op: 'history', key: 'a' }],
    [{ op: 'history', key: LONGEST_KEY, beforeRevision: 1 }],
    [{ op: 'lockList', space: 'locks' }],
    [{ op: 'watch', range: { prefix: 'a' }, fromRevision: 1, previous: true }],
    [{ op: 'status' }],
  ])('is given back as it is: %j', (request) => {
    expect(parseRequest(request, LIMITS)).toBe(request);
  });
});

describe('a request that is wrong', () => {
  it.each([
    ['request', null],
    ['request', []],
    ['request', VALUE],
    ['request', 'put'],
    ['op', {}],
    ['op', { op: 'drop' }],
    ['op', { op: 'constructor' }],
    ['op', { op: '__proto__' }],
    ['op', { op: 7 }],
    ['key', { op: 'put', value: VALUE }],
    ['key', { ...put, key: '' }],
    ['key', { ...put, key: 7 }],
    ['key', { ...put, key: `${LONGEST_KEY}k` }],
    ['key', { ...put, key: 'é'.repeat(MAX_KEY_BYTES / 2 + 1) }],
    ['key', { ...put, key: '\ud800' }],
    ['value', { ...put, value: 'text' }],
    ['value', { ...put, value: [1, 2] }],
    ['lease', { ...put, lease: 'ab' }],
    ['lease', { ...put, lease: '0000000000000000' }],
    ['lease', { ...put, lease: 'f000000000000000' }],
    ['lease', { ...put, lease: null }],
    ['ifRevision', { ...put, ifRevision: -1 }],
    ['ifRevision', { ...put, ifRevision: 1.5 }],
    ['ifRevision', { ...put, ifRevision: Number.NaN }],
    ['ifRevision', { ...put, ifRevision: 2 ** 53 }],
    ['ifRevision', { ...put, ifRevision: '1' }],
    ['previous', { ...put, previous: 1 }],
    ['extra', { ...put, extra: 1 }],
    ['range', { op: 'delete' }],
    ['range', { op: 'delete', range: {} }],
    ['range', { op: 'delete', range: { key: 'a', prefix: 'a' } }],
    ['range', { op: 'delete', range: { from: 'a' } }],
    ['range.key', { op: 'delete', range: { key: '' } }],
    ['range.to', { op: 'range', range: { from: 'a', to: '' } }],
    ['range.prefix', { op: 'range', range: { prefix: 7 } }],
    ['ifRevision', { op: 'delete', range: { prefix: 'a' }, ifRevision: 1 }],
    ['revision', { op: 'get', key: 'a', revision: 0 }],
    ['consistency', { op: 'get', key: 'a', consistency: 'eventual' }],
    ['limit', { op: 'range', range: { prefix: '' }, limit: -1 }],
    ['compare', { op: 'txn', success: [], failure: [] }],
    ['success', { ...txn, success: {} }],
    ['success', { ...txn, success: Array.from({ length: MAX_TXN_OPERATIONS + 1 }, () => put) }],
    ['success[0].op', { ...txn, success: [{ op: 'compact', revision: 1 }] }],
    ['success[1].key', { ...txn, success: [put, { ...put, key: '' }] }],
    ['success[0].extra', { ...txn, success: [{ ...put, extra: 1 }] }],
    ['failure[0].success[0].value', { ...txn, failure: [{ ...txn, success: [{ op: 'put', key: 'a' }] }] }],
    ['compare[0].target', { ...txn, compare: [{ range: { key: 'a' }, target: 'size', result: 'equal', operand: 1 }] }],
    ['compare[0].result', { ...txn, compare: [{ range: { key: 'a' }, target: 'version', result: '>', operand: 1 }] }],
    [
      'compare[0].operand',
      { ...txn, compare: [{ range: { key: 'a' }, target: 'version', result: 'less', operand: '1' }] },
    ],
    [
      'compare[0].operand',
      { ...txn, compare: [{ range: { key: 'a' }, target: 'value', result: 'equal', operand: 'x' }] },
    ],
    ['revision', { op: 'compact' }],
    ['key', { op: 'history' }],
    ['beforeRevision', { op: 'history', key: 'a', beforeRevision: 0 }],
    ['beforeRevision', { op: 'history', key: 'a', beforeRevision: '7' }],
    ['before', { op: 'history', key: 'a', before: 7 }],
    ['ttlMs', { op: 'leaseGrant' }],
    ['ttlMs', { op: 'leaseGrant', ttlMs: 99 }],
    ['ttlMs', { op: 'leaseGrant', ttlMs: 1e12 }],
    ['id', { op: 'leaseRevoke', id: 'nonsense' }],
    ['space', { ...acquire, space: 'semaphores' }],
    ['name', { ...acquire, name: '' }],
    ['name', { ...acquire, name: 'n'.repeat(481) }],
    ['waitMs', { ...acquire, waitMs: -1 }],
    ['waitMs', { ...acquire, waitMs: Infinity }],
    ['owner', { ...acquire, space: 'elections', owner: 1 }],
    ['value', { ...acquire, value: VALUE }],
    ['request', { op: 'cancel', request: 0 }],
    ['watchId', { op: 'unwatch' }],
    ['fromRevision', { op: 'watch', range: { prefix: '' }, fromRevision: 0 }],
    ['filter', { op: 'watch', range: { prefix: '' }, filter: 'x' }],
  ])('is refused, naming %s: %j', (field, request) => {
    const refused = parseRequest(request, LIMITS);
    expect(refused).toBeInstanceOf(InvalidRequest);
    if (refused instanceof InvalidRequest)
      expect(refused.body).toMatchObject({ code: 'INVALID_ARGUMENT', retry: 'never', details: { field } });
  });

  it.each([
    ['value', { ...put, value: new Uint8Array(MAX_VALUE_BYTES + 1) }],
    ['owner', { ...acquire, owner: 'x'.repeat(10_000) }],
  ])('and only too large in %s says that', (field, request) => {
    const refused = parseRequest(request, LIMITS);
    expect(refused instanceof InvalidRequest && refused.body).toMatchObject({ code: 'TOO_LARGE', details: { field } });
  });

  it('is refused when transactions nest too deep, also far too deep', () => {
    for (const depth of [MAX_TXN_DEPTH + 1, 1_000])
      expect(parseRequest(nested(depth), LIMITS)).toBeInstanceOf(InvalidRequest);
  });

  it('shows a field name that a stranger chose in one short line', () => {
    const refused = parseRequest({ ...put, [`\n${'x'.repeat(10_000)}`]: 1 }, LIMITS);
    const message = refused instanceof InvalidRequest ? refused.message : '';
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(200);
  });
});

describe('a frame', () => {
  it.each([[[0, null, []]], [[7, LEASE, [[1, { op: 'anything' }]]]]])('with the right outline is read: %j', (frame) => {
    expect(parseFrame(frame)).toEqual({ acknowledgedThrough: frame[0], session: frame[1], requests: frame[2] });
  });

  it.each([
    [null],
    [{}],
    [[0, null]],
    [[0, null, [], 1]],
    [[-1, null, []]],
    [['0', null, []]],
    [[0, 'session', []]],
    [[0, undefined, []]],
    [[0, null, {}]],
    [[0, null, [1]]],
    [[0, null, [[0, {}]]]],
    [[0, null, [['1', {}]]]],
    [[0, null, [[1]]]],
    [[0, null, Array.from({ length: MAX_REQUESTS_PER_FRAME + 1 }, (_, index) => [index + 1, {}])]],
  ])('with a wrong outline is refused in words: %j', (frame) => {
    expect(parseFrame(frame)).toBeTypeOf('string');
  });
});
