import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { prefixRange, type Key, type StateMachine } from '@latchkey/state-machine';
import { live, lives, type LifeStep } from '../../state-machine/src/test-support/arbitrary-life.js';
import { TestMachine } from '../../state-machine/src/test-support/test-machine.js';
import { HoldHistory } from './test-support/hold-history.js';
import { StateDatabase } from './test-support/state-database.js';

const PROPERTY_RUNS = 40;
const STEPS = 60;

let database: StateDatabase | null = null;

afterAll(() => database?.end());

/** One step for each command, so that what holds after a step is what holds after a revision. */
function oneByOne(step: LifeStep): LifeStep[] {
  switch (step.type) {
    case 'plain':
      return step.commands.map((command) => ({ ...step, commands: [command] }));
    case 'session':
      return step.commands.map((command) => ({ ...step, commands: [command] }));
    default:
      return [step];
  }
}

const bytesOf = (key: string): Buffer => Buffer.from(key, 'latin1');

/** The machine's answers in the words of the views. */
function keysOf(machine: StateMachine) {
  const answer = machine.range({ range: prefixRange(''), limit: 0, revision: null, keysOnly: false });
  return answer.records.map((record) => ({
    key_bytes: bytesOf(record.key),
    value_bytes: Buffer.from(record.value),
    create_revision: String(record.createRevision),
    mod_revision: String(record.modRevision),
    version: String(record.version),
    lease: record.leaseId,
    updated_at: new Date(record.updatedAtMs),
  }));
}

function historyOf(machine: StateMachine, keys: readonly Key[]) {
  return keys.flatMap((name) =>
    machine.history(name).map(({ revision, record }) => ({
      key_bytes: bytesOf(name),
      revision: String(revision),
      deleted: record === null,
      value_bytes: record === null || record.value === null ? null : Buffer.from(record.value),
      version: record === null ? null : String(record.version),
    })),
  );
}

function queuesOf(machine: StateMachine, space: 'locks' | 'elections') {
  return machine.queueNames(space, '').flatMap((name) =>
    machine.queue(space, name).map(({ leaseId, record, holding, position }) => ({
      name,
      holds: holding,
      position: String(position),
      lease: leaseId,
      fencing_token: String(record.createRevision),
    })),
  );
}

const leasesOf = (machine: StateMachine) =>
  [...machine.leases()]
    .map(({ leaseId, ttlMs, remainingTtlMs }) => ({
      lease: leaseId,
      ttl_ms: String(ttlMs),
      remaining_ttl_ms: remainingTtlMs === null ? null : String(remainingTtlMs),
    }))
    .sort((one, other) => (one.lease < other.lease ? -1 : 1));

async function expectSameInSql(sql: StateDatabase, machine: StateMachine, written: readonly Key[]): Promise<void> {
  const keys = await sql.select(
    `SELECT key_bytes, value_bytes, create_revision, mod_revision, version, lease, updated_at
     FROM latchkey.keys ORDER BY key_bytes`,
  );
  expect(keys).toEqual(keysOf(machine));
  const history = `SELECT key_bytes, revision, deleted, value_bytes, version FROM latchkey.key_history
                   ORDER BY key_bytes, revision`;
  expect(await sql.select(history)).toEqual(historyOf(machine, written));
  for (const space of ['locks', 'elections'] as const) {
    const queues = `SELECT name, holds, position, lease, fencing_token FROM latchkey.${space} ORDER BY name, position`;
    expect(await sql.select(queues)).toEqual(queuesOf(machine, space));
  }
  expect(await sql.select(`SELECT * FROM latchkey.leases ORDER BY lease`)).toEqual(leasesOf(machine));
  expect(await sql.select(`SELECT applied_index, revision, compacted_revision FROM latchkey.status`)).toEqual([
    {
      applied_index: String(machine.lastApplied),
      revision: String(machine.revision),
      compacted_revision: String(machine.compactRevision),
    },
  ]);
}

describe('the views of a database that a node saves to', () => {
  it('say what the state machine says, whatever has happened, and who held which lock when', async () => {
    const sql = await StateDatabase.create();
    database = sql;
    await fc.assert(
      fc.asyncProperty(lives(STEPS), async (steps) => {
        await sql.startAnew();
        const machine = new TestMachine();
        const holds = new HoldHistory(machine.state);
        const written = new Set<Key>();
        for (const step of steps.flatMap(oneByOne)) {
          if (step.type === 'take') await sql.save(machine.state);
          const result = live(machine, step);
          for (const { events } of result?.revisions ?? []) {
            for (const event of events) {
              const name = event.type === 'put' ? event.record.key : event.previous?.key;
              if (name !== undefined) written.add(name);
            }
          }
          holds.follow();
        }
        await sql.save(machine.state);
        const sorted = [...written].sort((one, other) => (one < other ? -1 : 1));
        await expectSameInSql(sql, machine.state, sorted);
        const shown = await sql.select('SELECT * FROM latchkey.lock_history ORDER BY name, fencing_token');
        expect(holds.mistakesIn(shown)).toEqual([]);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
});
