import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.js';
import { Random } from './random.js';

const SEED = 7;
const EVENTS = 500;
const LATEST_MS = 50;

describe('event queue', () => {
  it('runs events by time, and those of one instant in the order in which they were scheduled', () => {
    const queue = new EventQueue();
    const random = new Random(SEED, 'test');
    const scheduled = Array.from({ length: EVENTS }, (_, order) => ({ atMs: random.integer(0, LATEST_MS), order }));
    const ran: typeof scheduled = [];
    for (const event of scheduled) queue.schedule(event.atMs, () => ran.push(event));
    while (queue.runNext(LATEST_MS));
    expect(ran).toEqual(scheduled.toSorted((left, right) => left.atMs - right.atMs || left.order - right.order));
  });

  it('skips what was cancelled and does not go beyond the time it was given', () => {
    const queue = new EventQueue();
    const ran: string[] = [];
    queue.schedule(1, () => ran.push('cancelled')).run = null;
    queue.schedule(2, () => ran.push('due'));
    queue.schedule(9, () => ran.push('later'));
    while (queue.runNext(5));
    expect([ran, queue.nowMs]).toEqual([['due'], 5]);
  });

  it('runs what is scheduled in the past now', () => {
    const queue = new EventQueue();
    queue.schedule(5, () => queue.schedule(1, () => undefined));
    while (queue.runNext(10));
    expect(queue.nowMs).toBe(10);
  });
});

describe('chance', () => {
  it('gives the same numbers for the same seed and label, others for another label', () => {
    const numbers = (label: string) => {
      const random = new Random(SEED, label);
      return Array.from({ length: 10 }, () => random.next());
    };
    expect(numbers('a')).toEqual(numbers('a'));
    expect(numbers('a')).not.toEqual(numbers('b'));
  });

  it('draws nothing for a fault that is off, so that it changes nothing else', () => {
    const [one, other] = [new Random(SEED, 'a'), new Random(SEED, 'a')];
    one.chance(0);
    expect(one.next()).toBe(other.next());
  });
});
