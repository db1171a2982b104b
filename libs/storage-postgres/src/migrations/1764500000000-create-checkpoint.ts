import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The applied state beside the log. Literal names and numbers: what a migration did must not change with a constant.
 */
export class CreateCheckpoint1764500000000 implements MigrationInterface {
  readonly name = 'CreateCheckpoint1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE SEQUENCE latchkey.state_generation AS integer`);
    await runner.query(`
      CREATE TABLE latchkey.checkpoint (
        id smallint PRIMARY KEY CHECK (id = 1),
        epoch bigint NOT NULL,
        snapshot_index bigint NOT NULL,
        snapshot_term bigint NOT NULL,
        membership bytea,
        generation bigint NOT NULL,
        row_count bigint NOT NULL,
        row_sum bigint NOT NULL,
        base_index bigint NOT NULL,
        base_term bigint NOT NULL,
        cut_index bigint NOT NULL,
        cut_checksum bigint NOT NULL,
        checksum bigint NOT NULL
      )`);
    // The checksum is the CRC-32 of "0|0|null|0|0|0|0|0|0|0".
    await runner.query(`INSERT INTO latchkey.checkpoint VALUES (1, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 569334722)`);
    // Some room in each page, so that a changed row can stay on its page and leave the index alone. Vacuum never gives the
    // end of a file back, for which it would lock the table. Values are stored as they are: most are small, and compressing
    // them would cost more than all the rest of the write.
    await runner.query(`
      CREATE TABLE latchkey.state_row (
        generation integer NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        checksum bigint NOT NULL,
        replaced_checksum bigint,
        PRIMARY KEY (generation, key)
      ) WITH (fillfactor = 90, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.1,
              vacuum_truncate = off, toast.vacuum_truncate = off)`);
    await runner.query(`ALTER TABLE latchkey.state_row ALTER COLUMN value SET STORAGE EXTERNAL`);
    await runner.query(`
      ALTER TABLE latchkey.log_batch SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.1,
        vacuum_truncate = off, toast.vacuum_truncate = off)`);
    // An older Latchkey would take a log without its head for a damaged one.
    await runner.query(`UPDATE latchkey.store SET format = 2`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 1`);
    await runner.query(`
      ALTER TABLE latchkey.log_batch RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor, vacuum_truncate,
        toast.vacuum_truncate)`);
    await runner.query(`DROP TABLE latchkey.state_row`);
    await runner.query(`DROP TABLE latchkey.checkpoint`);
    await runner.query(`DROP SEQUENCE latchkey.state_generation`);
  }
}
