import { invariant, InvariantViolation } from '@latchkey/raft';
import { LogStoreError, MAX_READ_ROWS } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { byteaArray } from './binary-array.js';
import { refusalOf, type Writer } from './checkpoint-save.js';
import { shownAddress } from './database-address.js';
import { storeFailure } from './postgres-failure.js';
import type { PostgresLogStoreOptions } from './postgres-log-store.js';
import { checkedRow } from './row-source.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE, PAGE_TABLE, ROW_TABLE } from './schema-names.js';
import { StoreConnection } from './store-connection.js';

/** Calls that wait for their turn on the connection; the ones after them are refused. */
export const MAX_WAITING_LOOKUPS = 1_024;
/** Of calls that share a statement: the largest values come to 32 MiB. */
const MAX_SHARED_ROWS = 64;
const IDLE_CONNECTION_MS = 60_000;

/** The only page that can hold a key is the first that does not end before it. */
const LOOKUP = {
  name: 'latchkey-rows-lookup-1',
  text: `
    WITH present AS MATERIALIZED (SELECT epoch, generation FROM ${CHECKPOINT_TABLE})
    SELECT present.epoch::text, wanted.place::integer, found.value, found.checksum::text
    FROM present CROSS JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted(key, place)
    LEFT JOIN LATERAL (
      SELECT p.row_values[p.position] AS value, p.row_checksums[p.position] AS checksum
      FROM (
        SELECT row_values, row_checksums, array_position(row_keys, wanted.key) AS position
        FROM ${PAGE_TABLE} WHERE generation = present.generation AND last_key >= wanted.key ORDER BY last_key LIMIT 1) AS p
      WHERE p.position IS NOT NULL
      UNION ALL
      SELECT value, checksum FROM ${ROW_TABLE} WHERE generation = present.generation AND key = wanted.key
      LIMIT 1) AS found ON true`,
};

type FoundColumns = {
  readonly epoch: string;
  /** Of the key, counted from 1. */
  readonly place: number;
  readonly value: Buffer | null;
  readonly checksum: string | null;
};

type Lookup = {
  readonly keys: readonly Uint8Array[];
  readonly writer: Writer;
  readonly resolve: (values: readonly (Uint8Array | null)[]) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Reads single rows of the latest checkpoint: see `CheckpointStore.readRows`. On a connection of its own, which is opened when
 * it is needed and closed when it has not been for a minute.
 */
export class RowLookups {
  private connection: StoreConnection | null = null;
  private readonly waiting: Lookup[] = [];
  private running: Promise<void> | null = null;
  private idle: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(private readonly options: Pick<PostgresLogStoreOptions, 'url' | 'nodeId'>) {}

  /** @throws LogStoreError */
  async read(keys: readonly Uint8Array[], writer: Writer): Promise<readonly (Uint8Array | null)[]> {
    invariant(keys.length <= MAX_READ_ROWS, 'too many rows were asked for at once');
    if (this.waiting.length >= MAX_WAITING_LOOKUPS) {
      throw new LogStoreError('unavailable', `${MAX_WAITING_LOOKUPS} reads of rows wait already`);
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ keys, writer, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Idempotent. A call under way fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.idle !== null) clearTimeout(this.idle);
    await this.connection?.end();
    await this.running;
    await this.connection?.end();
    this.connection = null;
  }

  /** One statement after the other; those that wait meanwhile share the next one. */
  private async run(): Promise<void> {
    if (this.idle !== null) clearTimeout(this.idle);
    this.idle = null;
    for (let calls = takeTogether(this.waiting); calls.length > 0; calls = takeTogether(this.waiting)) {
      await this.answer(calls);
    }
    this.running = null;
    this.closeWhenIdle();
  }

  private async answer(calls: readonly Lookup[]): Promise<void> {
    try {
      const values = await this.readNow(calls);
      let start = 0;
      for (const { keys, resolve } of calls) {
        resolve(values.slice(start, start + keys.length));
        start += keys.length;
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  private async readNow(calls: readonly Lookup[]): Promise<readonly (Uint8Array | null)[]> {
    const { url, nodeId } = this.options;
    const [first] = calls;
    invariant(first !== undefined, 'nobody asks');
    try {
      this.assertOpen();
      if (this.connection?.lostReason !== null) {
        this.connection = await StoreConnection.open(url, `latchkey ${nodeId} history`);
      }
      this.assertOpen();
      const keys = calls.flatMap((call) => call.keys);
      return await lookUp(this.connection.client, keys, first.writer);
    } catch (error) {
      this.connection?.destroy();
      this.connection = null;
      if (error instanceof InvariantViolation) throw error;
      throw storeFailure(error, { stage: 'reading', database: shownAddress(url) });
    }
  }

  private assertOpen(): void {
    if (this.isClosed) throw new LogStoreError('unavailable', 'the store was closed meanwhile');
  }

  private closeWhenIdle(): void {
    if (this.isClosed || this.connection === null) return;
    this.idle = setTimeout(() => {
      const { connection } = this;
      this.connection = null;
      void connection?.end();
    }, IDLE_CONNECTION_MS);
    this.idle.unref();
  }
}

/** The calls that come next: one, and those after it that are asked on the same claim and fit. */
function takeTogether(waiting: Lookup[]): readonly Lookup[] {
  let rowCount = 0;
  let count = 0;
  for (const { keys, writer } of waiting) {
    rowCount += keys.length;
    if (count > 0 && (rowCount > MAX_SHARED_ROWS || writer.epoch !== waiting[0]?.writer.epoch)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

async function lookUp(
  client: ClientBase,
  keys: readonly Uint8Array[],
  writer: Writer,
): Promise<readonly (Uint8Array | null)[]> {
  const values: (Uint8Array | null)[] = keys.map(() => null);
  if (keys.length === 0) return values;
  const { rows } = await client.query<FoundColumns>({ ...LOOKUP, values: [byteaArray(keys)] });
  if (rows.length !== keys.length) throw new LogStoreError('corrupt', `${CHECKPOINT_TABLE} has lost its row`);
  for (const { epoch, place, value, checksum } of rows) {
    if (safeIntegerFrom(epoch, 'the epoch') !== writer.epoch) throw await refusalOf(client, writer);
    const key = keys[place - 1];
    invariant(key !== undefined, `the database answered for key ${place} of ${keys.length}`);
    if (value === null || checksum === null) continue;
    values[place - 1] = checkedRow(Buffer.from(key), value, safeIntegerFrom(checksum, 'a checksum')).value;
  }
  return values;
}
