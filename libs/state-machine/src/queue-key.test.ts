import { describe, expect, it } from 'vitest';
import { parseQueueKey, queueKey, unpaddedQueueKey } from './queue-key.js';
import { lease } from './test-support/commands.js';

const PLACE = { space: 'locks', name: 'orders/42', leaseId: lease(0xabc) } as const;

describe('key of a place in a queue', () => {
  it('is read back in both spellings: ours, and the one of other etcd clients', () => {
    expect(queueKey(PLACE)).toBe('locks/orders/42/0000000000000abc');
    expect(unpaddedQueueKey(PLACE)).toBe('locks/orders/42/abc');
    expect(parseQueueKey(queueKey(PLACE))).toEqual(PLACE);
    expect(parseQueueKey(unpaddedQueueKey(PLACE))).toEqual(PLACE);
  });

  it('of an election names the election', () => {
    expect(parseQueueKey('elections/scheduler/1f')).toEqual({
      space: 'elections',
      name: 'scheduler',
      leaseId: lease(0x1f),
    });
  });

  it.each([
    'locks',
    'locks/',
    'locks/abc',
    'locks//abc',
    'lockss/a/abc',
    'config/a/abc',
    'locks/a/',
    'locks/a/0',
    'locks/a/0abc',
    'locks/a/ABC',
    'locks/a/xyz',
    'locks/a/0000000000000000',
    'locks/a/ffffffffffffffff',
    'locks/a/00000000000000abc',
  ])('is not %s', (other) => {
    expect(parseQueueKey(other)).toBeNull();
  });
});
