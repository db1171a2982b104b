import { describe, expect, it } from 'vitest';
import { startFailure } from './start-failure.js';

const PLACE = { directory: '/data/n1', port: 5999, logFile: '/data/n1/postgres.log' };
const PREFIX = '2026-11-21 00:37:02.268 UTC [10249] ';

describe('reason why Postgres did not start', () => {
  it.each([
    ['could not bind IPv4 address "127.0.0.1": Address already in use', 'portInUse', 'port 5999'],
    ['lock file "postmaster.pid" already exists', 'dataDirectoryInUse', '/data/n1'],
    ['database files are incompatible with server', 'otherVersion', '/data/n1'],
    ['could not write to file: No space left on device', 'diskFull', '/data/n1'],
    ['could not open file "global/pg_control": Permission denied', 'permission', '/data/n1/postgres.log'],
  ])('is one line with a code for "%s"', (line, code, named) => {
    const { error, mayPass } = startFailure(`${PREFIX}LOG:  starting\n${PREFIX}FATAL:  ${line}\n`, PLACE);
    expect(error.code).toBe(code);
    expect(error.message).toContain(named);
    expect(error.message).not.toContain('\n');
    expect(mayPass).toBe(false);
  });

  it('may pass when processes of a killed server have not ended yet', () => {
    const log = `${PREFIX}FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use\n`;
    expect(startFailure(log, PLACE).mayPass).toBe(true);
  });

  it("is the server's own first fatal line when nothing else is known", () => {
    const log = `${PREFIX}LOG:  starting\n${PREFIX}FATAL:  first\n${PREFIX}LOG:  database system is shut down\n`;
    expect(startFailure(log, PLACE).error.message).toBe('Postgres did not start on /data/n1: first');
  });

  it('says so when the server wrote nothing', () => {
    expect(startFailure('', PLACE).error.message).toContain('it wrote nothing');
  });
});
