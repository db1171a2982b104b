import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Versions of keys, many to a row, beside the rows that an older Latchkey has left: those stay where they are until they are
 * swept. Literal names and numbers, as in every migration.
 */
export class CreatePages1765600000000 implements MigrationInterface {
  readonly name = 'CreatePages1765600000000';

  async up(runner: QueryRunner): Promise<void> {
    // One row fills one page of the file, so it must not be moved out of line before it is longer than that.
    await runner.query(`
      CREATE TABLE latchkey.state_page (
        generation integer NOT NULL,
        last_key bytea NOT NULL,
        row_keys bytea[] NOT NULL,
        row_values bytea[] NOT NULL,
        row_checksums bigint[] NOT NULL,
        PRIMARY KEY (generation, last_key)
      ) WITH (fillfactor = 100, toast_tuple_target = 8160, autovacuum_vacuum_threshold = 500,
              autovacuum_vacuum_scale_factor = 0.1, vacuum_truncate = off, toast.vacuum_truncate = off)`);
    await runner.query(`
      ALTER TABLE latchkey.state_page ALTER COLUMN row_keys SET STORAGE EXTERNAL,
        ALTER COLUMN row_values SET STORAGE EXTERNAL, ALTER COLUMN row_checksums SET STORAGE EXTERNAL`);
    await runner.query(VERSION_ROWS);
    await runner.query(keyVersionsFrom('latchkey.version_row r'));
    // An older Latchkey would miss most of the state.
    await runner.query(`UPDATE latchkey.store SET format = 5`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 4`);
    await runner.query(keyVersionsFrom(VERSIONS_AS_ROWS));
    await runner.query(`DROP VIEW latchkey.version_row`);
    await runner.query(`
      INSERT INTO latchkey.state_row (generation, key, value, checksum)
      SELECT p.generation, r.key, r.value, r.checksum
      FROM latchkey.state_page p, unnest(p.row_keys, p.row_values, p.row_checksums) AS r(key, value, checksum)`);
    await runner.query(`DROP TABLE latchkey.state_page`);
  }
}

const VERSIONS_AS_ROWS = String.raw`latchkey.state_row r
      WHERE r.generation = (SELECT generation FROM latchkey.checkpoint) AND r.key >= '\x04' AND r.key < '\x05'`;

const VERSION_ROWS = `
    CREATE VIEW latchkey.version_row AS
    SELECT r.key, r.value FROM ${VERSIONS_AS_ROWS}
    UNION ALL
    SELECT r.key, r.value
    FROM latchkey.state_page p CROSS JOIN LATERAL unnest(p.row_keys, p.row_values) AS r(key, value)
    WHERE p.generation = (SELECT generation FROM latchkey.checkpoint)`;

/** As `CreateViews1765400000000` made it, from other rows. */
const keyVersionsFrom = (rows: string) => `
    CREATE OR REPLACE VIEW latchkey.key_version AS
    SELECT v.*,
           lead(v.revision) OVER later AS next_revision,
           lead(v.updated_at) OVER later AS next_updated_at
    FROM (
      SELECT latchkey.text_of(substring(r.key FROM 10)) COLLATE "C" AS key,
             substring(r.key FROM 10) AS key_bytes,
             latchkey.number_at(r.key, 1) AS revision,
             get_byte(r.value, 0) = 1 AS deleted,
             to_timestamp(latchkey.number_at(r.value, 5) / 1000.0) AS updated_at,
             CASE WHEN get_byte(r.value, 0) = 0 THEN latchkey.number_at(r.value, 13) END AS create_revision,
             CASE WHEN get_byte(r.value, 0) = 0 THEN latchkey.number_at(r.value, 21) END AS version,
             CASE WHEN get_byte(r.value, 0) = 0 THEN
               nullif(encode(substring(r.value FROM 30 FOR 8), 'hex'), '0000000000000000') END AS lease,
             CASE WHEN get_byte(r.value, 0) = 0 THEN substring(r.value FROM 38) END AS value_bytes
      FROM ${rows}
    ) v
    WINDOW later AS (PARTITION BY v.key_bytes, v.key ORDER BY v.revision)`;
