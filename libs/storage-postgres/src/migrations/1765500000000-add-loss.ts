import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether what the store holds is not to be used any more. Literal names and numbers, as in every migration. */
export class AddLoss1765500000000 implements MigrationInterface {
  readonly name = 'AddLoss1765500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.identity ADD COLUMN lost text`);
    // An older Latchkey would take part with a history that was found to be wrong.
    await runner.query(`UPDATE latchkey.store SET format = 4`);
  }

  /** A store that is marked as lost stays as it is, and damaged to an older Latchkey: its checksum does not fit any more. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 3`);
    await runner.query(`ALTER TABLE latchkey.identity DROP COLUMN lost`);
  }
}
