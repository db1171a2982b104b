import * as fc from 'fast-check';
import type { Command } from '../commands.js';
import type { ApplyResult } from '../state-machine-api.js';
import { anyCommand, LEASES } from './arbitrary-history.js';
import { compact, grant, lease, put } from './commands.js';
import type { TestMachine } from './test-machine.js';

/** What happens to a node: entries of every origin, entries without a command, and checkpoints. */
export type LifeStep =
  | { readonly type: 'plain'; readonly commands: readonly Command[] }
  | {
      readonly type: 'session';
      readonly session: number;
      readonly acknowledgedThrough: number;
      readonly commands: readonly (readonly [number, Command])[];
    }
  | { readonly type: 'keyed'; readonly idempotencyKey: string; readonly command: Command }
  | { readonly type: 'noCommand' }
  /** Many versions of few keys: compaction takes several entries to free them. */
  | { readonly type: 'bulk'; readonly keys: number }
  | { readonly type: 'compact'; readonly revisionsBack: number }
  | { readonly type: 'take' };

const BULK_WRITES = 700;
/** Some values are long enough to leave memory when they are old. */
const LONG_VALUE_EVERY = 4;
const LONG_VALUE_BYTES = 72;
const MAX_SEQUENCE = 8;
const sequences = fc.integer({ min: 1, max: MAX_SEQUENCE });
const idempotencyKeys = fc.constantFrom('k1', 'k2', 'k3', 'k4');

const step: fc.Arbitrary<LifeStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('plain' as const),
      commands: fc.array(anyCommand, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('session' as const),
      session: fc.constantFrom(...LEASES),
      acknowledgedThrough: fc.nat(MAX_SEQUENCE - 3),
      commands: fc.array(fc.tuple(sequences, anyCommand), { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('keyed' as const),
      idempotencyKey: idempotencyKeys,
      command: anyCommand,
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: LEASES.length + 1, max: LEASES.length + 6 })
      .map((number): LifeStep => ({ type: 'plain', commands: [grant(number)] })),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'noCommand' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('bulk' as const), keys: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('compact' as const), revisionsBack: fc.oneof(fc.nat(6), fc.nat(600)) }),
  },
  { weight: 4, arbitrary: fc.constant({ type: 'take' as const }) },
);

/** Begins with living leases, so that most of it is not refused. */
export const lives = (maxLength: number): fc.Arbitrary<readonly LifeStep[]> =>
  fc
    .array(step, { maxLength, size: 'max' })
    .map((steps) => [{ type: 'plain', commands: LEASES.map((number) => grant(number)) }, ...steps]);

/** Does to the machine what the step says; null when that is no entry with a command. */
export function live(machine: TestMachine, step: LifeStep): ApplyResult | null {
  switch (step.type) {
    case 'plain':
      return machine.run(...step.commands);
    case 'session': {
      const { session, acknowledgedThrough, commands } = step;
      const leaseId = lease(session);
      const sequences = commands.map(([sequence]) => sequence);
      return machine.apply(
        { type: 'session', leaseId, acknowledgedThrough, sequences },
        commands.map(([, each]) => each),
      );
    }
    case 'keyed':
      return machine.apply({ type: 'idempotencyKey', idempotencyKey: step.idempotencyKey }, [step.command]);
    case 'noCommand':
      machine.state.advance(machine.state.lastApplied + 1, machine.term);
      return null;
    case 'bulk':
      return machine.run(
        ...Array.from({ length: BULK_WRITES }, (_, at) =>
          put(`bulk/${at % step.keys}`, String(at).padEnd(at % LONG_VALUE_EVERY === 0 ? LONG_VALUE_BYTES : 0)),
        ),
      );
    case 'compact':
      return machine.run(compact(Math.max(0, machine.state.revision - step.revisionsBack)));
    case 'take':
      return null;
  }
}
