import { describe, expect, it } from 'vitest';
import { byteaArray } from './binary-array.js';
import { GoneKeys } from './gone-keys.js';

const keysOf = (...texts: readonly string[]): Uint8Array[] => texts.map((text) => Buffer.from(text));

describe('keys that are taken out of pages', () => {
  it('are the same parameter, whether they come at once or in parts', () => {
    const gone = new GoneKeys();
    gone.add(keysOf('b', 'abc'));
    gone.add([]);
    gone.add(keysOf('', 'zz'));
    expect(gone.toParameter()).toEqual(byteaArray(keysOf('b', 'abc', '', 'zz')));
    expect(gone.keys).toEqual(keysOf('b', 'abc', '', 'zz'));
  });

  it('know the least and the greatest of them, in whichever order they come', () => {
    const gone = new GoneKeys();
    gone.add(keysOf('m'));
    expect([gone.least, gone.greatest]).toEqual(keysOf('m', 'm'));
    gone.add(keysOf('z', 'ab', 'y'));
    gone.add(keysOf('b'));
    expect([gone.least, gone.greatest]).toEqual(keysOf('ab', 'z'));
  });
});
