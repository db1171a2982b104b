import type { Operation } from '../history.js';

type Interval = { readonly invokedAtMs: number; readonly ending: Operation['ending'] | { readonly type: string } };

/**
 * Whether some order of the answered operations and any of the unanswered ones agrees with real time and `explains` them.
 * The truth by the definition, found by trying everything: for a handful of operations only.
 */
export function hasOrder<Item extends Interval>(
  operations: readonly Item[],
  explains: (order: readonly Item[]) => boolean,
): boolean {
  const answered = operations.filter(({ ending }) => ending.type === 'ok');
  const unanswered = operations.filter(({ ending }) => ending.type === 'unknown');
  return subsets(unanswered).some((tookEffect) =>
    permutations([...answered, ...tookEffect]).some((order) => isInRealTime(order) && explains(order)),
  );
}

/** The same for keys that are written and read, all at once and with no care for who wrote what. */
export function areRegistersLinearizable(operations: readonly Operation[]): boolean {
  return hasOrder(operations, (order) => {
    const values = new Map<string, string | null>();
    for (const { type, key, ...rest } of order) {
      if (type === 'write' && 'value' in rest) values.set(key, rest.value);
      if (!('value' in rest) && rest.ending.type === 'ok' && 'value' in rest.ending.result) {
        if (rest.ending.result.value !== (values.get(key) ?? null)) return false;
      }
    }
    return true;
  });
}

function isInRealTime(order: readonly Interval[]): boolean {
  return order.every((one, position) => order.slice(position + 1).every((later) => endOf(later) >= one.invokedAtMs));
}

function endOf({ ending }: Interval): number {
  return 'returnedAtMs' in ending ? ending.returnedAtMs : Infinity;
}

const subsets = <Item>(items: readonly Item[]): Item[][] =>
  items.reduce<Item[][]>((found, item) => [...found, ...found.map((subset) => [...subset, item])], [[]]);

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, position) =>
    permutations([...items.slice(0, position), ...items.slice(position + 1)]).map((rest) => [first, ...rest]),
  );
}
