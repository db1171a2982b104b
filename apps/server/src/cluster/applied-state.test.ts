import { logIndex, term } from '@latchkey/raft';
import { encodeCommandBatch, StateMachine, type Command } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { keyOfText } from '../commands/key-text.js';
import { AppliedState } from './applied-state.js';

const POSITION = { index: logIndex(1), term: term(1) };

function appliedState(): AppliedState {
  const machine = new StateMachine();
  return new AppliedState(machine, machine);
}

function putOn(state: AppliedState, key: string): void {
  const put: Command = {
    type: 'put',
    key: keyOfText(key),
    value: new Uint8Array([1]),
    leaseId: null,
    expectedModRevision: null,
    wantPrevious: false,
    keepValue: false,
    keepLease: false,
  };
  const command = encodeCommandBatch({ origin: { type: 'none' }, commands: [put] });
  state.apply({ ...POSITION, proposedAtMs: 0, command });
}

describe('the applied state', () => {
  it('that is replaced tells so in the same turn, when the new one can be read and not before', () => {
    const source = appliedState();
    putOn(source, 'a');
    const state = appliedState();
    const seen: boolean[] = [];
    state.onReplaced(() => seen.push(state.reader.get(keyOfText('a')) !== null));
    const restore = state.beginRestore();
    for (const page of source.takeChanges()) {
      restore.add(page.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }])));
    }
    expect(seen).toEqual([]);
    restore.finish(POSITION);
    expect(seen).toEqual([true]);
    expect(state.reader.stateHash).toBe(source.reader.stateHash);
  });
});
