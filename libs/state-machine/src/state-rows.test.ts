import { describe, expect, it } from 'vitest';
import { SECTIONS, type StateRow } from './state-rows.js';
import { del, grant, lease, put, revoke, txn } from './test-support/commands.js';
import { rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const shown = ({ key, value }: StateRow): string => `${hex(key)} = ${hex(value)}`;

function machineWithEverything(): TestMachine {
  const machine = new TestMachine();
  machine.term = 3;
  machine.run(grant(1, 10_000), grant(2, 20_000), grant(3), revoke(3));
  machine.run({ type: 'leaseCheckpoint', leaseId: lease(2), remainingTtlMs: 258, lessorTerm: 3 });
  machine.run(put('a', 'v', { leaseId: lease(1) }), put('a', 'w'), txn([], [put('c', ''), del('a')]));
  machine.session(1, 300, new Map([[301, put('b', '2', { wantPrevious: true })]]));
  machine.withKey('retry-me', put('b', '3', { wantPrevious: true }));
  return machine;
}

describe('layout of the rows: it stands in databases, so it never changes', () => {
  const machine = machineWithEverything();
  const rows = rowsOf(machine.state);
  const section = (wanted: number): string[] => rows.filter(({ key }) => key[0] === wanted).map(shown);

  it('of the meta row: format, index, term, revision, compacted revision, hash', () => {
    expect(section(SECTIONS.meta)).toMatchInlineSnapshot(`
      [
        "01 = 010000000000000005000000000000000300000000000000060000000000000000ab4f57c32a49241d",
      ]
    `);
  });

  it('of leases and ended leases', () => {
    expect(section(SECTIONS.leases)).toMatchInlineSnapshot(`
      [
        "020000000000000001 = 0000000000002710",
        "020000000000000002 = 0000000000004e200000000000000102",
      ]
    `);
    expect(section(SECTIONS.endedLeases)).toMatchInlineSnapshot(`
      [
        "030000000000000000 = 0000000000000003",
      ]
    `);
  });

  it('of versions: in the order of revisions, then of keys; deletions end after the time', () => {
    expect(section(SECTIONS.versions)).toMatchInlineSnapshot(`
      [
        "04000000000000000261 = 00000000000000018bcfe5680300000000000000020000000000000001000000000000000176",
        "04000000000000000361 = 00000000000000018bcfe5680300000000000000020000000000000002000000000000000077",
        "04000000000000000461 = 01000000010000018bcfe56803",
        "04000000000000000463 = 00000000000000018bcfe56803000000000000000400000000000000010000000000000000",
        "04000000000000000562 = 00000000000000018bcfe5680400000000000000050000000000000001000000000000000032",
        "04000000000000000662 = 00000000000000018bcfe5680500000000000000050000000000000002000000000000000033",
      ]
    `);
  });

  it('of sessions, their outcomes, and idempotency keys', () => {
    expect(section(SECTIONS.sessions)).toMatchInlineSnapshot(`
      [
        "050000000000000001 = 000000000000012c",
      ]
    `);
    expect(section(SECTIONS.sessionOutcomes)).toMatchInlineSnapshot(`
      [
        "060000000000000001000000000000012d0000 = 03000500",
      ]
    `);
    expect(section(SECTIONS.idempotencyKeys)).toMatchInlineSnapshot(`
      [
        "0700000000000000000000 = 2b10663436626334376632346230346332300872657472792d6d65000601016201320505010084d095ffbc31",
      ]
    `);
  });

  it('leaves no row out, and no section without a test', () => {
    expect(rows.map(({ key }) => key[0])).toEqual([1, 2, 2, 3, 4, 4, 4, 4, 4, 4, 5, 6, 7]);
  });
});
