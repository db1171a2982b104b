import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of which memberships a node knew when it knew the store of another. Literal names and numbers, as in every migration. */
export class AddKnownIndex1765900000000 implements MigrationInterface {
  readonly name = 'AddKnownIndex1765900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.peer ADD COLUMN known_index bigint NOT NULL DEFAULT 0`);
    // An older Latchkey would take the checksums for damage.
    await runner.query(`UPDATE latchkey.store SET format = 8`);
  }

  /** A store that remembers such indexes stays as it is, and damaged to an older Latchkey: their checksums do not fit any more. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 7`);
    await runner.query(`ALTER TABLE latchkey.peer DROP COLUMN known_index`);
  }
}
