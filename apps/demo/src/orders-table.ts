import { Pool } from 'pg';
import type { Order } from './order-file.js';

/**
 * The table that the workers write to, in a Postgres that knows nothing of Latchkey. Each row keeps the newest fencing
 * token it has seen, and a write with an older one changes nothing: a worker that was stopped and lost its lock without
 * noticing cannot do harm, however late its write arrives. `attempts` records every try, so that the proof at the end
 * reads what really happened.
 */
const SCHEMA = `
drop schema if exists demo cascade;
create schema demo;
create table demo.orders (
  id text primary key,
  amount_cents bigint not null,
  newest_token bigint not null default 0,
  times_processed integer not null default 0,
  processed_by text
);
create index open_orders on demo.orders (id) where times_processed = 0;
create table demo.attempts (
  seq bigint generated always as identity primary key,
  order_id text not null references demo.orders (id),
  worker text not null,
  token bigint not null,
  newest_token bigint not null,
  outcome text not null check (outcome in ('claimed', 'done before', 'written', 'refused'))
);
create table demo.batches (
  seq bigint generated always as identity primary key,
  worker text not null,
  config_revision bigint not null,
  batch_size integer not null,
  taken integer not null
);

-- A worker that has the lock shows its token first. From here on older tokens are refused.
create function demo.claim(wanted text, who text, shown bigint) returns text language plpgsql as $$
declare processed integer; result text;
begin
  update demo.orders set newest_token = shown where id = wanted and newest_token <= shown
    returning times_processed into processed;
  result := case when not found then 'refused' when processed > 0 then 'done before' else 'claimed' end;
  insert into demo.attempts (order_id, worker, token, newest_token, outcome)
    select wanted, who, shown, newest_token, result from demo.orders where id = wanted;
  return result;
end $$;

-- The write itself asks for nothing but the token: it does not look whether the order was processed before.
create function demo.process(wanted text, who text, shown bigint) returns text language plpgsql as $$
declare result text;
begin
  update demo.orders set newest_token = shown, times_processed = times_processed + 1, processed_by = who
    where id = wanted and newest_token <= shown;
  result := case when found then 'written' else 'refused' end;
  insert into demo.attempts (order_id, worker, token, newest_token, outcome)
    select wanted, who, shown, newest_token, result from demo.orders where id = wanted;
  return result;
end $$;
`;

export type ClaimOutcome = 'claimed' | 'done before' | 'refused';
export type WriteOutcome = 'written' | 'refused';

export type Attempt = { readonly orderId: string; readonly worker: string; readonly fencingToken: number };

export type Batch = {
  readonly worker: string;
  readonly configRevision: number;
  readonly batchSize: number;
  readonly taken: number;
};

export class OrdersTable {
  readonly #pool: Pool;

  constructor(databaseUrl: string, connections: number) {
    this.#pool = new Pool({ connectionString: databaseUrl, max: connections });
    this.#pool.on('error', () => undefined);
  }

  get pool(): Pool {
    return this.#pool;
  }

  async create(orders: readonly Order[]): Promise<void> {
    await this.#pool.query(SCHEMA);
    await this.#pool.query(
      'insert into demo.orders (id, amount_cents) select * from unnest($1::text[], $2::bigint[])',
      [orders.map((order) => order.id), orders.map((order) => order.amountCents)],
    );
  }

  async openOrders(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ id: string }>({
      name: 'open',
      text: 'select id from demo.orders where times_processed = 0 order by id limit $1',
      values: [limit],
    });
    return rows.map((row) => row.id);
  }

  async processedCount(): Promise<number> {
    const { rows } = await this.#pool.query<{ count: number }>(
      'select count(*)::int as count from demo.orders where times_processed > 0',
    );
    return rows[0]?.count ?? 0;
  }

  async isProcessed(orderId: string): Promise<boolean> {
    const { rows } = await this.#pool.query('select 1 from demo.orders where id = $1 and times_processed > 0', [
      orderId,
    ]);
    return rows.length > 0;
  }

  claim(attempt: Attempt): Promise<ClaimOutcome> {
    return this.#call<ClaimOutcome>('claim', attempt);
  }

  /** Refused when the row has seen a newer token than the attempt's. */
  process(attempt: Attempt): Promise<WriteOutcome> {
    return this.#call<WriteOutcome>('process', attempt);
  }

  async recordBatch({ worker, configRevision, batchSize, taken }: Batch): Promise<void> {
    await this.#pool.query({
      name: 'batch',
      text: 'insert into demo.batches (worker, config_revision, batch_size, taken) values ($1, $2, $3, $4)',
      values: [worker, configRevision, batchSize, taken],
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #call<Outcome extends string>(name: 'claim' | 'process', attempt: Attempt): Promise<Outcome> {
    const { rows } = await this.#pool.query<{ outcome: Outcome }>({
      name,
      text: `select demo.${name}($1, $2, $3) as outcome`,
      values: [attempt.orderId, attempt.worker, attempt.fencingToken],
    });
    const outcome = rows[0]?.outcome;
    if (outcome === undefined) throw new Error(`demo.${name} answered nothing for ${attempt.orderId}`);
    return outcome;
  }
}
