import * as fc from 'fast-check';
import type { Command, Operation, TransactionOperation } from '../commands.js';
import { revision } from '../ids.js';
import { prefixRange } from '../key-range.js';
import { del, delPrefix, enter, evict, grant, lease, leave, put, readPrefix, revoke, txn } from './commands.js';

/** Few names and leases, so that commands meet each other. */
export const KEYS = ['a', 'a/1', 'a/2', 'b', 'locks/x/1', 'locks/x/2', 'locks/y/1', `locks/x/${lease(1)}`];
export const LEASES = [1, 2, 3];
export const LOCKS = ['x', 'y'];

/** Long enough to leave memory when it is old. */
const LONG_CONTENT = 'long'.repeat(20);

const keys = fc.constantFrom(...KEYS);
const leases = fc.constantFrom(...LEASES);
const locks = fc.constantFrom(...LOCKS);
const contents = fc.constantFrom('', '1', 'two', LONG_CONTENT);

const puts = fc
  .tuple(keys, contents, fc.option(leases, { nil: null }))
  .map(([key, value, number]) =>
    put(key, value, { leaseId: number === null ? null : lease(number), wantPrevious: true }),
  );
const deletes = fc.oneof(
  keys.map((key) => del(key)),
  fc.constantFrom('a', 'a/', 'locks/x/').map(delPrefix),
);
const comparisons = fc
  .tuple(keys, fc.constantFrom('equal' as const, 'greater' as const), fc.nat(2))
  .map(([key, result, operand]): TransactionOperation['comparisons'][number] => ({
    range: prefixRange(key),
    result,
    target: 'version',
    operand,
  }));
const flatOperations = fc.array(
  fc.oneof(
    puts,
    deletes,
    keys.map((key) => readPrefix(key)),
  ),
  { maxLength: 3 },
);
const flatTransactions = fc.tuple(fc.array(comparisons, { maxLength: 2 }), flatOperations, flatOperations);
const operations = fc.oneof(
  puts,
  deletes,
  flatTransactions.map((parts): Operation => txn(...parts)),
);
const transactions = fc
  .tuple(fc.array(comparisons, { maxLength: 2 }), fc.array(operations, { maxLength: 3 }), flatOperations)
  .map((parts) => txn(...parts));

const leaseCommands = fc.oneof(
  leases.map((number) => grant(number)),
  leases.map(revoke),
);
const queueCommands = fc.oneof(
  fc.tuple(locks, leases, fc.boolean()).map(([name, number, wait]) => enter(name, number, { wait })),
  fc.tuple(locks, leases, fc.boolean()).map(([name, number, onlyIfWaiting]) => leave(name, number, onlyIfWaiting)),
  locks.map(evict),
);
const laterLeaseCommands = fc.oneof(
  leases.map((number): Command => ({ type: 'leaseRenew', leaseId: lease(number) })),
  fc.tuple(leases, fc.nat(12_000)).map(([number, remainingTtlMs]): Command => ({
    type: 'leaseCheckpoint',
    leaseId: lease(number),
    remainingTtlMs,
    lessorTerm: 1,
  })),
  leases.map((number): Command => ({ type: 'leaseExpire', leaseId: lease(number), lessorTerm: 1 })),
);
const compactions = fc.nat(40).map((at): Command => ({ type: 'compact', revision: revision(at) }));

const withLeases = (commands: fc.Arbitrary<Command>, maxLength: number): fc.Arbitrary<Command[]> =>
  fc.array(commands, { maxLength, size: 'max' }).map((rest) => [...LEASES.map((number) => grant(number)), ...rest]);

/** Puts, deletions, transactions, leases and compactions; what is refused is part of the story. */
export const keyHistories = withLeases(
  fc.oneof({ weight: 5, arbitrary: puts }, { weight: 2, arbitrary: deletes }, transactions, leaseCommands, {
    weight: 2,
    arbitrary: compactions,
  }),
  40,
);

/** Locks taken by their commands and by the keys of other etcd clients. */
export const lockHistories = withLeases(
  fc.oneof(
    { weight: 4, arbitrary: queueCommands },
    { weight: 2, arbitrary: puts },
    deletes,
    transactions,
    leaseCommands,
  ),
  60,
);

/** Any command there is, each kind often. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: puts },
  { weight: 3, arbitrary: queueCommands },
  { weight: 2, arbitrary: deletes },
  transactions,
  leaseCommands,
  laterLeaseCommands,
  compactions,
);
