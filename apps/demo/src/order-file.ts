import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One line of the order file. `handlingMs`: how long working on it takes. */
export type Order = {
  readonly id: string;
  readonly customer: string;
  readonly sku: string;
  readonly quantity: number;
  readonly amountCents: number;
  readonly handlingMs: number;
};

const HEADING = 'id,customer,sku,quantity,amount_cents,handling_ms';

/** From the build (dist/demo/apps/demo/src) and from the sources alike, the file lies in the repository's apps/demo/data. */
const FROM_BUILD = new URL('../../../../../apps/demo/data/orders.csv', import.meta.url);
const FROM_SOURCES = new URL('../data/orders.csv', import.meta.url);

export function orderFilePath(): string {
  return fileURLToPath(import.meta.url.includes('/dist/demo/') ? FROM_BUILD : FROM_SOURCES);
}

export function readOrders(): readonly Order[] {
  return parseOrders(readFileSync(orderFilePath(), 'utf8'));
}

/** @throws Error naming the line that is no order */
export function parseOrders(text: string): readonly Order[] {
  const [heading, ...lines] = text.trimEnd().split('\n');
  if (heading !== HEADING) throw new Error('the order file does not begin with its heading');
  return lines.map((line, at) => {
    const [id, customer, sku, quantity, amountCents, handlingMs] = line.split(',');
    const numbers = [quantity, amountCents, handlingMs].map(Number);
    if (!id || !customer || !sku || numbers.some((number) => !Number.isInteger(number) || number <= 0)) {
      throw new Error(`line ${at + 2} of the order file is no order: ${line}`);
    }
    const [wholeQuantity = 0, wholeCents = 0, wholeMs = 0] = numbers;
    return { id, customer, sku, quantity: wholeQuantity, amountCents: wholeCents, handlingMs: wholeMs };
  });
}

export function renderOrders(orders: readonly Order[]): string {
  const lines = orders.map(({ id, customer, sku, quantity, amountCents, handlingMs }) =>
    [id, customer, sku, quantity, amountCents, handlingMs].join(','),
  );
  return `${[HEADING, ...lines].join('\n')}\n`;
}
