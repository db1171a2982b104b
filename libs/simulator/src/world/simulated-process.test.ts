import { describe, expect, it } from 'vitest';
import { SimulatedProcess } from './simulated-process.js';

describe('a simulated process', () => {
  function started() {
    const done: string[] = [];
    const process = new SimulatedProcess(
      (run) => run(),
      () => process.crash(),
    );
    const work = (name: string) => process.run(() => done.push(name));
    return { process, done, work };
  }

  it('takes what came while it was paused afterwards, in order', () => {
    const { process, done, work } = started();
    process.pause();
    work('a');
    work('b');
    expect(done).toEqual([]);
    process.resume();
    expect(done).toEqual(['a', 'b']);
  });

  it('does nothing after a crash, also not what had waited for the end of a pause', () => {
    const { process, done, work } = started();
    process.pause();
    work('a');
    process.crash();
    process.resume();
    work('b');
    expect(done).toEqual([]);
  });

  it('crashes at the call of a port that was chosen: that one and all later ones have no effect', () => {
    const { process } = started();
    process.crashAfterPortCalls(2);
    expect([process.portCalled(), process.portCalled(), process.portCalled()]).toEqual([true, false, false]);
  });
});
