import {
  InvariantViolation,
  logIndex,
  nodeId,
  term,
  type LogEntry,
  type Membership,
  type SnapshotMeta,
} from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import { Applier } from './applier.js';
import { sealProposal, stampProposedAt } from './proposal-envelope.js';
import { RecordingStateMachine, textCommand, type RecordedOutcome } from './test-support/recording-state-machine.js';

const INCARNATION = 11;
const OTHER_INCARNATION = 12;
const PROPOSED_AT_MS = 1_700_000_000_123;
const ALL = { maxEntries: 1_000, maxBytes: Infinity };
const LARGE_COMMAND_BYTES = 10_000;
const MEMBERSHIP: Membership = { voters: [nodeId('n1')], votersOutgoing: [], learners: [] };
const START = { index: logIndex(0), term: term(0) };

function command(index: number, text: string, origin = { incarnation: OTHER_INCARNATION, sequence: index }): LogEntry {
  const data = sealProposal(origin, textCommand(text), new ByteSlab());
  stampProposedAt(data, PROPOSED_AT_MS);
  return { type: 'command', index: logIndex(index), term: term(1), data };
}

const noop = (index: number, entryTerm = 1): LogEntry => ({
  type: 'noop',
  index: logIndex(index),
  term: term(entryTerm),
});

function setUp() {
  const machine = new RecordingStateMachine();
  const outcomes: (readonly [number, RecordedOutcome])[] = [];
  const applier = new Applier({
    stateMachine: machine,
    incarnation: INCARNATION,
    initialMembership: MEMBERSHIP,
    onOwnOutcome: (sequence, outcome) => outcomes.push([sequence, outcome]),
  });
  return { applier, machine, outcomes };
}

describe('applying committed entries', () => {
  it('unwraps commands, advances over no-ops, and tells the outcome of own proposals only', () => {
    const { applier, machine, outcomes } = setUp();
    applier.enqueue([noop(1), command(2, 'theirs'), command(3, 'ours', { incarnation: INCARNATION, sequence: 40 })]);
    applier.applySlice(ALL);
    expect(machine.texts).toEqual(['theirs', 'ours']);
    expect(machine.commands[0]?.proposedAtMs).toBe(PROPOSED_AT_MS);
    expect(outcomes).toEqual([[40, { index: 3, text: 'ours' }]]);
    expect(applier.appliedIndex).toBe(3);
  });

  it('takes no more than a slice at a time, across runs of entries', () => {
    const { applier, machine } = setUp();
    applier.enqueue([noop(1), noop(2), noop(3)]);
    applier.enqueue([noop(4), noop(5)]);
    expect([applier.applySlice({ ...ALL, maxEntries: 2 }), applier.appliedIndex, applier.hasBacklog]).toEqual([
      2,
      2,
      true,
    ]);
    expect([applier.applySlice({ ...ALL, maxEntries: 2 }), applier.appliedIndex, applier.hasBacklog]).toEqual([
      2,
      4,
      true,
    ]);
    expect([applier.applySlice({ ...ALL, maxEntries: 2 }), applier.appliedIndex, applier.hasBacklog]).toEqual([
      1,
      5,
      false,
    ]);
    expect(machine.lastIndex).toBe(5);
    expect(applier.committedIndex).toBe(5);
  });

  it('ends a slice with the entry that reaches its bytes: a few may hold the writes of thousands', () => {
    const { applier } = setUp();
    const large = (index: number): LogEntry => command(index, 'x'.repeat(LARGE_COMMAND_BYTES));
    applier.enqueue([noop(1), large(2), large(3), large(4)]);
    const slice = { ...ALL, maxBytes: 1.5 * LARGE_COMMAND_BYTES };
    expect([applier.applySlice(slice), applier.appliedIndex]).toEqual([3, 3]);
    expect([applier.applySlice({ ...ALL, maxBytes: 1 }), applier.appliedIndex, applier.hasBacklog]).toEqual([
      1,
      4,
      false,
    ]);
  });

  it('does not apply twice what a rebuilt core gives again', () => {
    const { applier, machine } = setUp();
    applier.enqueue([noop(1), command(2, 'once')]);
    applier.applySlice(ALL);
    applier.restart(START);
    applier.enqueue([noop(1), command(2, 'once'), command(3, 'new')]);
    applier.applySlice(ALL);
    expect(machine.texts).toEqual(['once', 'new']);
    expect(applier.takenIndex).toBe(3);
  });

  it('stops the node when a rebuilt core gives another entry where one was applied', () => {
    const { applier } = setUp();
    applier.enqueue([noop(1, 1), noop(2, 2)]);
    applier.applySlice(ALL);
    applier.restart(START);
    applier.enqueue([noop(1, 1), noop(2, 3)]);
    expect(() => applier.applySlice(ALL)).toThrow(InvariantViolation);
  });

  it('goes on from a checkpoint up to which a rebuilt core gives nothing', () => {
    const { applier, machine } = setUp();
    applier.enqueue([noop(1), noop(2), command(3, 'once')]);
    applier.applySlice(ALL);
    applier.restart({ index: logIndex(2), term: term(1) });
    applier.enqueue([command(3, 'once'), command(4, 'new')]);
    applier.applySlice(ALL);
    expect(machine.texts).toEqual(['once', 'new']);
  });

  it.each([
    ['beyond what was applied', { index: logIndex(9), term: term(1) }],
    ['at an entry of another term than the one that was applied', { index: logIndex(2), term: term(7) }],
  ])('stops the node when a rebuilt core begins %s', (_where, start) => {
    const { applier } = setUp();
    applier.enqueue([noop(1), noop(2), noop(3)]);
    applier.applySlice(ALL);
    expect(() => applier.restart(start)).toThrow(InvariantViolation);
  });

  it('stops the node when an entry is missing', () => {
    const { applier } = setUp();
    applier.enqueue([noop(1)]);
    applier.enqueue([noop(3)]);
    expect(() => applier.applySlice(ALL)).toThrow(InvariantViolation);
  });

  it('stops the node when a command entry is not an envelope', () => {
    const { applier } = setUp();
    applier.enqueue([{ type: 'command', index: logIndex(1), term: term(1), data: Uint8Array.of(1, 2, 3) }]);
    expect(() => applier.applySlice(ALL)).toThrow(InvariantViolation);
  });
});

describe('a snapshot among committed entries', () => {
  const AT: SnapshotMeta = {
    index: logIndex(10),
    term: term(3),
    membership: { ...MEMBERSHIP, learners: [nodeId('n2')] },
  };

  it('holds up what follows until the machine is restored', () => {
    const { applier, machine } = setUp();
    applier.enqueue([noop(1), command(2, 'before')]);
    applier.enqueueSnapshot(AT);
    applier.enqueue([command(11, 'after')]);
    expect([applier.applySlice(ALL), applier.hasBacklog, applier.awaitedSnapshot]).toEqual([2, false, AT]);
    machine.lastIndex = AT.index;
    applier.restored(AT);
    expect([applier.appliedIndex, applier.takenIndex, applier.appliedTerm, applier.position]).toEqual([10, 10, 3, AT]);
    expect([applier.awaitedSnapshot, applier.applySlice(ALL), machine.texts]).toEqual([null, 1, ['before', 'after']]);
  });

  it('takes with it all that was queued up to there when the machine was restored further', () => {
    const { applier, machine } = setUp();
    applier.enqueueSnapshot({ ...AT, index: logIndex(5) });
    applier.enqueue([command(6, 'inside')]);
    applier.enqueueSnapshot(AT);
    applier.enqueue([command(11, 'after')]);
    machine.lastIndex = AT.index;
    applier.restored(AT);
    applier.applySlice(ALL);
    expect([machine.texts, applier.appliedIndex]).toEqual([['after'], 11]);
  });

  it('does not count as committed in this log before it is durable, nor does what follows it', () => {
    const { applier } = setUp();
    applier.enqueue([noop(1), noop(2)]);
    applier.enqueueSnapshot(AT);
    applier.enqueue([noop(11)]);
    expect(applier.committedIndex).toBe(2);
    applier.installed();
    expect(applier.committedIndex).toBe(11);
  });

  it('is forgotten with the core that wanted it', () => {
    const { applier } = setUp();
    applier.enqueue([noop(1), noop(2)]);
    applier.enqueueSnapshot(AT);
    applier.applySlice(ALL);
    applier.restart(START);
    applier.enqueue([noop(1), noop(2), noop(3)]);
    applier.applySlice(ALL);
    expect([applier.awaitedSnapshot, applier.appliedIndex, applier.committedIndex]).toEqual([null, 3, 3]);
  });

  it('never takes the state back', () => {
    const { applier } = setUp();
    applier.enqueue([noop(1), noop(2)]);
    applier.applySlice(ALL);
    expect(() => applier.restored({ ...AT, index: logIndex(1) })).toThrow(InvariantViolation);
  });
});
