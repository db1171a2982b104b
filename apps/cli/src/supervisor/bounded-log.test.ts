import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoundedLog } from './bounded-log.js';

const MAX_BYTES = 10;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-log-'));
  path = join(directory, 'node.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a log file that must not fill the disk', () => {
  it('is set aside when it is full, and only one older file is kept', () => {
    const log = new BoundedLog(path, MAX_BYTES);
    for (const text of ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dd']) log.write(bytes(text));
    log.close();
    expect(readdirSync(directory).toSorted()).toEqual(['node.log', 'node.log.1']);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('bbbbbbbb');
    expect(readFileSync(path, 'utf8')).toBe('ccccccccdd');
  });

  it('goes on where an earlier run ended', () => {
    new BoundedLog(path, MAX_BYTES).write(bytes('earlier '));
    const log = new BoundedLog(path, MAX_BYTES);
    log.write(bytes('later'));
    log.close();
    log.write(bytes('after its end'));
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('earlier ');
    expect(readFileSync(path, 'utf8')).toBe('later');
  });
});
