import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which processes have claimed the store, and by which claim others are known. Literal names and numbers, as in every migration. */
export class AddClaims1765800000000 implements MigrationInterface {
  readonly name = 'AddClaims1765800000000';

  async up(runner: QueryRunner): Promise<void> {
    // The claim that comes after this writes the first row.
    await runner.query(`
      CREATE TABLE latchkey.claim (
        epoch bigint PRIMARY KEY,
        mark bigint NOT NULL,
        kept boolean NOT NULL,
        checksum bigint NOT NULL
      )`);
    await runner.query(`ALTER TABLE latchkey.peer ADD COLUMN mark bigint`);
    // An older Latchkey would claim the store and leave no mark.
    await runner.query(`UPDATE latchkey.store SET format = 7`);
  }

  /** A store that remembers marks of others stays as it is, and damaged to an older Latchkey: their checksums do not fit any more. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 6`);
    await runner.query(`ALTER TABLE latchkey.peer DROP COLUMN mark`);
    await runner.query(`DROP TABLE latchkey.claim`);
  }
}
