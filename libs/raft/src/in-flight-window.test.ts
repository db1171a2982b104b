import { describe, expect, it } from 'vitest';
import { logIndex } from './ids.js';
import { InFlightWindow } from './in-flight-window.js';

const MAX_APPENDS = 3;
const MAX_BYTES = 100;

function windowWith(...sizes: readonly number[]): InFlightWindow {
  const window = new InFlightWindow({ maxAppends: MAX_APPENDS, maxBytes: MAX_BYTES });
  sizes.forEach((sizeBytes, position) => window.add({ lastIndex: logIndex((position + 1) * 10), sizeBytes }));
  return window;
}

describe('in-flight window', () => {
  it('is full by the number of appends', () => {
    expect(windowWith(1, 1).isFull).toBe(false);
    expect(windowWith(1, 1, 1).isFull).toBe(true);
  });

  it('is full by their bytes', () => {
    expect(windowWith(60).freeBytes).toBe(MAX_BYTES - 60);
    expect(windowWith(60).isFull).toBe(false);
    expect(windowWith(60, 40).isFull).toBe(true);
  });

  it('frees every append that an answer covers, and none that it covers in part', () => {
    const window = windowWith(10, 20, 30);
    window.release(logIndex(25));
    expect([window.appends, window.freeBytes]).toEqual([1, MAX_BYTES - 30]);
    window.release(logIndex(25));
    expect(window.appends).toBe(1);
    window.release(logIndex(30));
    expect([window.isEmpty, window.freeBytes]).toEqual([true, MAX_BYTES]);
  });

  it('is empty again when its connection is gone', () => {
    const window = windowWith(10, 20);
    window.clear();
    expect([window.isEmpty, window.freeBytes]).toEqual([true, MAX_BYTES]);
  });
});
