import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Postgres reads the text of a check anew for each statement that writes a row: a seventh of all that a write of the log cost it
 * (docs/decisions/0005-log-rows.md). Literal names, as in every migration.
 */
export class DropLogChecks1766000000000 implements MigrationInterface {
  readonly name = 'DropLogChecks1766000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.store DROP CONSTRAINT store_id_check`);
    await runner.query(`ALTER TABLE latchkey.log_batch DROP CONSTRAINT log_batch_check`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.store ADD CONSTRAINT store_id_check CHECK (id = 1)`);
    await runner.query(
      `ALTER TABLE latchkey.log_batch ADD CONSTRAINT log_batch_check CHECK (last_index >= first_index)`,
    );
  }
}
