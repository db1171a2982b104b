import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from './version.js';

describe('the version a node tells', () => {
  it('is the package’s', () => {
    const manifest: { version?: string } = JSON.parse(
      readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
    );
    expect(VERSION).toBe(manifest.version);
  });
});
