import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Up to where the log is of times before the node joined. Literal names and numbers, as in every migration. */
export class AddJoined1765700000000 implements MigrationInterface {
  readonly name = 'AddJoined1765700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.identity ADD COLUMN joined_index bigint NOT NULL DEFAULT 0`);
    // An older Latchkey would take times that are over for the present.
    await runner.query(`UPDATE latchkey.store SET format = 6`);
  }

  /** A store that has joined stays as it is, and damaged to an older Latchkey: its checksum does not fit any more. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 5`);
    await runner.query(`ALTER TABLE latchkey.identity DROP COLUMN joined_index`);
  }
}
