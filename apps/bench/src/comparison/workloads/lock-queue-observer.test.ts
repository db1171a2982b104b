import { describe, expect, it } from 'vitest';
import { LockQueueObserver } from './lock-queue-observer.js';

describe('observer of one lock', () => {
  it('counts who waited longest, and how long', () => {
    const observer = new LockQueueObserver();
    observer.startCounting();
    const [first, second, third] = [observer.asks(0), observer.asks(100), observer.asks(200)];
    observer.receives(first, 300);
    observer.gives(first);
    observer.receives(third, 400);
    observer.gives(third);
    observer.receives(second, 650);
    expect(observer.counted()).toMatchObject({ handoffs: 3, toOldest: 2, longestWaitMs: 550 });
  });

  it('takes requests of the same moment for equally old', () => {
    const observer = new LockQueueObserver();
    observer.startCounting();
    observer.asks(0);
    const second = observer.asks(5);
    observer.receives(second, 300);
    expect(observer.counted().toOldest).toBe(1);
  });

  it('counts nothing before it is told to', () => {
    const observer = new LockQueueObserver();
    observer.receives(observer.asks(0), 10);
    expect(() => observer.counted()).toThrow('never handed over');
  });

  it('notices two holders', () => {
    const observer = new LockQueueObserver();
    const [first, second] = [observer.asks(0), observer.asks(1)];
    observer.receives(first, 2);
    expect(() => observer.receives(second, 3)).toThrow('two clients hold the same lock');
  });
});
