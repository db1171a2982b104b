import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Not those of the key, which are short, and of use to whoever asks the tables something by hand. */
const COLUMNS = ['row_keys', 'row_values', 'row_checksums'];

/**
 * No statement rests on them, and an array of values costs the server more to sample than all the rest
 * (docs/decisions/0016-version-pages.md). Literal names, as in every migration.
 */
export class DropPageStatistics1766100000000 implements MigrationInterface {
  readonly name = 'DropPageStatistics1766100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.state_page ${each('SET STATISTICS 0')}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE latchkey.state_page ${each('SET STATISTICS -1')}`);
  }
}

const each = (change: string): string => COLUMNS.map((column) => `ALTER COLUMN ${column} ${change}`).join(', ');
