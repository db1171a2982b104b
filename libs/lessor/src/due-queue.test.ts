import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueQueue } from './due-queue.js';

describe('the queue of what falls due', () => {
  it('gives everything that is due, the earliest first, and keeps the rest', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.integer({ min: 0, max: 100 }), (dueTimes, nowMs) => {
        const queue = new DueQueue<number>();
        for (const dueMs of dueTimes) queue.add(dueMs, dueMs);
        const taken: number[] = [];
        for (let value = queue.takeDue(nowMs); value !== null; value = queue.takeDue(nowMs)) taken.push(value);
        const sorted = dueTimes.toSorted((left, right) => left - right);
        expect(taken).toEqual(sorted.filter((dueMs) => dueMs <= nowMs));
        expect(queue.size).toBe(dueTimes.length - taken.length);
        expect(queue.earliestDueMs).toBe(sorted.find((dueMs) => dueMs > nowMs) ?? Infinity);
      }),
    );
  });
});
