import { describe, expect, it } from 'vitest';
import { key } from './ids.js';
import { prefixRange } from './key-range.js';
import { MAX_VALUE_BYTES } from './limits.js';
import { del, grant, lease, put, revoke, text } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

describe('put', () => {
  it('with an expected modRevision is refused with the current one, and 0 means that there must be no key', () => {
    const machine = new TestMachine();
    expect(machine.do(put('a', '1', { expected: 7 }))).toMatchObject({ code: 'REVISION_MISMATCH', revisionDetail: 0 });
    expect(machine.do(put('a', '1', { expected: 0 }))).toMatchObject({ type: 'put', revision: 2 });
    expect(machine.do(put('a', '2', { expected: 0 }))).toMatchObject({ code: 'REVISION_MISMATCH', revisionDetail: 2 });
    expect(machine.do(put('a', '2', { expected: 2 }))).toMatchObject({ type: 'put', revision: 3 });
  });

  it('of a value above the limit is refused, and one at the limit is taken', () => {
    const machine = new TestMachine();
    expect(machine.do(put('a', 'v'.repeat(MAX_VALUE_BYTES)))).toMatchObject({ type: 'put' });
    expect(machine.do(put('a', 'v'.repeat(MAX_VALUE_BYTES + 1)))).toMatchObject({ code: 'TOO_LARGE' });
    expect(machine.state.revision).toBe(2);
  });

  it('keeps the value or the lease when told to, and is refused when there is no key to keep them of', () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2));
    expect(machine.do(put('a', '', { keepValue: true }))).toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(machine.do(put('a', '', { keepLease: true }))).toMatchObject({ code: 'KEY_NOT_FOUND' });
    machine.run(put('a', 'first', { leaseId: lease(1) }), put('a', '', { keepValue: true, leaseId: lease(2) }));
    expect(text(machine.state.get(key('a'))?.value ?? new Uint8Array(0))).toBe('first');
    expect(machine.state.get(key('a'))?.leaseId).toBe(lease(2));
    machine.run(put('a', 'second', { keepLease: true }));
    expect(machine.state.get(key('a'))).toMatchObject({ leaseId: lease(2), version: 3 });
  });

  it('without a lease detaches the key from the one it had: it outlives that lease', () => {
    const machine = new TestMachine();
    machine.run(grant(1), put('a', '1', { leaseId: lease(1) }), put('a', '2'));
    expect(machine.state.lease(lease(1))?.keys).toEqual([]);
    expect(machine.do(revoke(1))).toMatchObject({ type: 'leaseEnded', deletedCount: 0 });
    expect(machine.state.get(key('a'))).toMatchObject({ version: 2 });
  });

  it('with a lease that is not alive is refused', () => {
    expect(new TestMachine().do(put('a', '1', { leaseId: lease(1) }))).toMatchObject({ code: 'LEASE_NOT_FOUND' });
  });
});

describe('delete', () => {
  it('with an expected modRevision deletes that version of that key only', () => {
    const machine = new TestMachine();
    machine.run(put('a', '1'));
    expect(machine.do(del('a', { expected: 9 }))).toMatchObject({ code: 'REVISION_MISMATCH', revisionDetail: 2 });
    expect(machine.do(del('a', { expected: 2 }))).toMatchObject({ type: 'deleted', deletedCount: 1 });
    expect(machine.do(del('a', { expected: 0 }))).toMatchObject({ type: 'deleted', deletedCount: 0 });
  });

  it('with an expected modRevision over more than one key makes no sense', () => {
    const machine = new TestMachine();
    const many = { ...del('a', { expected: 2 }), range: prefixRange('a') };
    expect(machine.do(many)).toMatchObject({ code: 'MALFORMED' });
  });
});
