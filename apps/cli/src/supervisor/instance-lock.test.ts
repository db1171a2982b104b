import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataDirectory, type DataDirectory } from './data-directory.js';
import { acquireInstanceLock } from './instance-lock.js';
import { identityOf } from './process-identity.js';

let data: DataDirectory;
beforeEach(() => {
  data = dataDirectory(mkdtempSync(join(tmpdir(), 'latchkey-lock-')));
});
afterEach(() => rmSync(data.root, { recursive: true }));

describe('one "latchkey up" per data directory', () => {
  it('refuses a second one while the first runs, naming its pid', () => {
    acquireInstanceLock(data);
    expect(() => acquireInstanceLock(data)).toThrow(`another "latchkey up" (pid ${process.pid}) already runs`);
  });

  it('lets the next one in after the first has stopped', () => {
    acquireInstanceLock(data).release();
    acquireInstanceLock(data).release();
    expect(readdirSync(data.root)).toEqual([]);
  });

  it.each([
    [
      'the file of a killed one whose pid was given to another process',
      JSON.stringify({ pid: process.pid, startTime: 'long ago' }),
    ],
    ['a file that a full disk cut short', '{"pid":'],
    ['an empty file', ''],
  ])('takes over %s', (_situation, content) => {
    writeFileSync(data.lockFile, content);
    acquireInstanceLock(data);
    expect(JSON.parse(readFileSync(data.lockFile, 'utf8'))).toEqual(identityOf(process.pid));
    expect(readdirSync(data.root)).toEqual(['up.pid']);
  });

  it('does not remove the file of another that has taken over', () => {
    const lock = acquireInstanceLock(data);
    writeFileSync(data.lockFile, 'of another');
    lock.release();
    expect(readFileSync(data.lockFile, 'utf8')).toBe('of another');
  });
});
