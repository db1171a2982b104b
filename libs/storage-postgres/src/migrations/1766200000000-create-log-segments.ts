import type { MigrationInterface, QueryRunner } from 'typeorm';

const SEGMENTS = [1, 2, 3].map((number) => `latchkey.log_segment_${number}`);

/**
 * Children of `log_batch`, which therefore shows their rows too. An older Latchkey goes on working: it reads them there, and
 * writes beside them. Nothing is deleted from them one by one (docs/decisions/0024-log-segments.md), so there is nothing to
 * vacuum. Literal names, as in every migration.
 */
export class CreateLogSegments1766200000000 implements MigrationInterface {
  readonly name = 'CreateLogSegments1766200000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const segment of SEGMENTS) {
      await runner.query(`
        CREATE TABLE ${segment} (PRIMARY KEY (first_index)) INHERITS (latchkey.log_batch)
        WITH (toast_tuple_target = 8160, autovacuum_enabled = off, toast.autovacuum_enabled = off)`);
      await runner.query(`ALTER TABLE ${segment} ALTER COLUMN bytes SET STORAGE EXTERNAL`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const segment of SEGMENTS) {
      await runner.query(`INSERT INTO latchkey.log_batch SELECT * FROM ${segment}`);
      await runner.query(`DROP TABLE ${segment}`);
    }
  }
}
