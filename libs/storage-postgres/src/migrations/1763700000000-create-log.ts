import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The log store's first tables. The schema itself is there already: the list of migrations lies in it.
 * Literal names: what a migration did must not change with a constant.
 */
export class CreateLog1763700000000 implements MigrationInterface {
  readonly name = 'CreateLog1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE latchkey.store (
        id smallint PRIMARY KEY CHECK (id = 1),
        store_id uuid NOT NULL,
        cluster_id text NOT NULL,
        node_id text NOT NULL,
        format integer NOT NULL,
        epoch bigint NOT NULL,
        owner uuid,
        current_term bigint NOT NULL,
        voted_for text,
        last_index bigint NOT NULL,
        last_checksum bigint NOT NULL,
        state_checksum bigint NOT NULL
      )`);
    // Batches up to a page stay in the table's own pages; larger ones go out of line as they are. Compressing them
    // would cost more than all the rest of the write (docs/decisions/0005-log-rows.md).
    await runner.query(`
      CREATE TABLE latchkey.log_batch (
        first_index bigint PRIMARY KEY,
        last_index bigint NOT NULL,
        first_term bigint NOT NULL,
        last_term bigint NOT NULL,
        previous_checksum bigint NOT NULL,
        checksum bigint NOT NULL,
        bytes bytea NOT NULL,
        CHECK (last_index >= first_index)
      ) WITH (toast_tuple_target = 8160)`);
    await runner.query(`ALTER TABLE latchkey.log_batch ALTER COLUMN bytes SET STORAGE EXTERNAL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE latchkey.log_batch`);
    await runner.query(`DROP TABLE latchkey.store`);
  }
}
