import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ORDERS } from './config.js';
import { makeOrders } from './make-orders.js';
import { orderFilePath, parseOrders, renderOrders } from './order-file.js';

describe('the committed order file', () => {
  it('is what the seeded script makes, byte for byte', () => {
    expect(readFileSync(orderFilePath(), 'utf8')).toBe(renderOrders(makeOrders(ORDERS)));
  });

  it('reads back as the same orders, each with an id of its own', () => {
    const orders = makeOrders(ORDERS);
    expect(parseOrders(renderOrders(orders))).toEqual(orders);
    expect(new Set(orders.map((order) => order.id)).size).toBe(ORDERS.count);
  });

  it('is refused with the line number when a line is damaged', () => {
    const [heading = '', first = ''] = renderOrders(makeOrders(ORDERS)).split('\n');
    expect(() => parseOrders(`${heading}\n${first}\no-1,c-1,bolt,none,5,5\n`)).toThrow('line 3 of the order file');
  });
});
