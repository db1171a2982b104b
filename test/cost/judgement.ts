/**
 * A path may cost so many times what is stored: processors and versions of Node weigh its parts differently, and so does the memory
 * of a machine that others keep busy. The same code came to 0.64 to 1.38 times what is stored in five runs, alone and beside others.
 */
export const TOLERANCE = 2;
/** Below this part of what is stored it is worth storing anew: else the guard would let all of it be lost again. */
export const MUCH_CHEAPER = 0.5;

/** In runs of the reference loop. */
export type CostPair = { readonly stored: number; readonly measured: number };

export type Judgement = 'tooDear' | 'asStored' | 'muchCheaper';

export function judge({ stored, measured }: CostPair): Judgement {
  if (!(stored > 0) || !(measured > 0)) throw new Error(`these are no costs: ${stored} stored, ${measured} measured`);
  if (measured > stored * TOLERANCE) return 'tooDear';
  return measured < stored * MUCH_CHEAPER ? 'muchCheaper' : 'asStored';
}

export const STORE_COMMAND = 'node tools/costs.mjs --write';

/** One line for people: the numbers, and what to do about them. */
export function inWords(path: string, costs: CostPair): string {
  const { stored, measured } = costs;
  const numbers = `${path}: ${inLoops(measured)}, stored ${inLoops(stored)} (${(measured / stored).toFixed(2)} times as much)`;
  switch (judge(costs)) {
    case 'asStored':
      return numbers;
    case 'tooDear':
      return `${numbers}: it has become too dear, allowed are ${inLoops(stored * TOLERANCE)}. If it must be so: ${STORE_COMMAND}`;
    case 'muchCheaper':
      return `${numbers}: it has become much cheaper. So that it stays so: ${STORE_COMMAND}`;
  }
}

const inLoops = (cost: number): string => `${cost.toFixed(2)} reference loops`;
