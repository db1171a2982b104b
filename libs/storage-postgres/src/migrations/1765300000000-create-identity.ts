import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who the store is, and what it remembers of others. Literal names and numbers, as in every migration. */
export class CreateIdentity1765300000000 implements MigrationInterface {
  readonly name = 'CreateIdentity1765300000000';

  async up(runner: QueryRunner): Promise<void> {
    // Whoever starts a history anew names it, by any text.
    await runner.query(`ALTER TABLE latchkey.store ALTER COLUMN store_id TYPE text`);
    await runner.query(`
      CREATE TABLE latchkey.identity (
        id smallint PRIMARY KEY CHECK (id = 1),
        owner uuid,
        wants_vote_back boolean NOT NULL,
        founders text[],
        checksum bigint NOT NULL
      )`);
    // The checksum is the CRC-32 of "[false,null]".
    await runner.query(`INSERT INTO latchkey.identity VALUES (1, NULL, false, NULL, 1722608560)`);
    await runner.query(`
      CREATE TABLE latchkey.peer (
        node text PRIMARY KEY,
        store_id text NOT NULL,
        epoch bigint NOT NULL,
        term bigint NOT NULL,
        last_index bigint NOT NULL,
        checksum bigint NOT NULL
      )`);
    // An older Latchkey would take a history that was started anew for a new founder's, and vote a second time.
    await runner.query(`UPDATE latchkey.store SET format = 3`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE latchkey.store SET format = 2`);
    await runner.query(`DROP TABLE latchkey.peer`);
    await runner.query(`DROP TABLE latchkey.identity`);
    await runner.query(`ALTER TABLE latchkey.store ALTER COLUMN store_id TYPE uuid USING store_id::uuid`);
  }
}
