import { describe, expect, it } from 'vitest';
import { perOperation, together } from './cpu-by-part.js';

describe('the CPU of an operation', () => {
  it('is what each part used between two readings, shared by the operations', () => {
    const before = { client: 1, leader: 2, followers: 3, databases: 4 };
    const after = { client: 1.5, leader: 3, followers: 5, databases: 4 };
    const cpu = perOperation(before, after, 1_000);
    expect(cpu).toEqual({ client: 500, leader: 1_000, followers: 2_000, databases: 0 });
    expect(together(cpu)).toBe(3_500);
  });
});
