import type { Operation, TransactionOperation } from './commands.js';
import { contains, type KeyRange } from './key-range.js';
import { MAX_TRANSACTION_DEPTH, MAX_TRANSACTION_OPERATIONS, MAX_TRANSACTION_TREE_OPERATIONS } from './limits.js';
import type { Refusal } from './outcomes.js';
import { refusal } from './refusal.js';

type Writes = { readonly puts: Set<string>; readonly deletes: KeyRange[] };

/** Why a transaction is refused whatever the state: it is too large, or would write one key twice. */
export function refuseShape(transaction: TransactionOperation): Refusal | null {
  const size = { depth: 1, budget: MAX_TRANSACTION_OPERATIONS };
  if (!isWithinLimits(transaction, size) || treeSize(transaction) > MAX_TRANSACTION_TREE_OPERATIONS) {
    return refusal('TOO_MANY');
  }
  const success = writesOf(transaction.success);
  const failure = writesOf(transaction.failure);
  return success === null || failure === null ? refusal('DUPLICATE_KEY') : null;
}

/** Source: etcd checkTxnRequest: the widest list of a transaction is taken off the budget of those nested in it. */
function isWithinLimits(
  { comparisons, success, failure }: TransactionOperation,
  { depth, budget }: { readonly depth: number; readonly budget: number },
): boolean {
  const widest = Math.max(comparisons.length, success.length, failure.length);
  if (widest > budget || depth > MAX_TRANSACTION_DEPTH) return false;
  const inside = { depth: depth + 1, budget: budget - widest };
  const fits = (operation: Operation): boolean => operation.type !== 'transaction' || isWithinLimits(operation, inside);
  return success.every(fits) && failure.every(fits);
}

/** Called within the depth limit only. */
function treeSize({ comparisons, success, failure }: TransactionOperation): number {
  let size = comparisons.length + success.length + failure.length;
  for (const list of [success, failure]) {
    for (const operation of list) if (operation.type === 'transaction') size += treeSize(operation);
  }
  return size;
}

/**
 * What a list of operations may write; null when a key would be put twice, or put and deleted. Both branches of a nested
 * transaction count against its neighbours, but not against each other: only one of them runs.
 * Source: etcd checkIntervals, which overlooks a put in one nested transaction that a later one deletes.
 */
function writesOf(operations: readonly Operation[]): Writes | null {
  const all: Writes = { puts: new Set(), deletes: [] };
  for (const operation of operations) {
    const own = writesOfOne(operation);
    if (own === null || overlap(all, own)) return null;
    for (const put of own.puts) all.puts.add(put);
    all.deletes.push(...own.deletes);
  }
  return all;
}

function writesOfOne(operation: Operation): Writes | null {
  switch (operation.type) {
    case 'put':
      return { puts: new Set([operation.key]), deletes: [] };
    case 'delete':
      return { puts: new Set(), deletes: [operation.range] };
    case 'range':
      return { puts: new Set(), deletes: [] };
    case 'transaction': {
      const success = writesOf(operation.success);
      const failure = writesOf(operation.failure);
      if (success === null || failure === null) return null;
      return {
        puts: new Set([...success.puts, ...failure.puts]),
        deletes: [...success.deletes, ...failure.deletes],
      };
    }
  }
}

/** Deleting twice is allowed, as in etcd: the second deletion finds nothing. */
function overlap(left: Writes, right: Writes): boolean {
  for (const put of right.puts) {
    if (left.puts.has(put) || left.deletes.some((range) => contains(range, put))) return true;
  }
  return right.deletes.some((range) => [...left.puts].some((put) => contains(range, put)));
}
