import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { ORDERS } from './config.js';
import { orderFilePath, renderOrders, type Order } from './order-file.js';
import { seededRandom } from './random.js';

const CUSTOMERS = 400;
const SKUS = ['anvil', 'bolt', 'crate', 'drill', 'easel', 'flask', 'gasket', 'hinge'] as const;
const MAX_QUANTITY = 12;
const MAX_PRICE_CENTS = 25_000;

/** The orders of a seed; the committed file is `makeOrders(ORDERS)`. */
export function makeOrders({ seed, count, minHandlingMs, maxHandlingMs }: typeof ORDERS): readonly Order[] {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  return Array.from({ length: count }, (_, at) => {
    const quantity = between(1, MAX_QUANTITY);
    return {
      id: `o-${String(at + 1).padStart(5, '0')}`,
      customer: `c-${String(between(1, CUSTOMERS)).padStart(4, '0')}`,
      sku: SKUS[between(0, SKUS.length - 1)] ?? SKUS[0],
      quantity,
      amountCents: quantity * between(1, MAX_PRICE_CENTS),
      handlingMs: between(minHandlingMs, maxHandlingMs),
    };
  });
}

// Run as a program (node dist/demo/apps/demo/src/make-orders.js), it writes the file anew.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(orderFilePath(), renderOrders(makeOrders(ORDERS)));
}
