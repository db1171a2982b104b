import { describe, expect, it } from 'vitest';
import { parseEndpoints } from './endpoints.js';

describe('endpoints', () => {
  it('lets a bare port repeat the host before it', () => {
    expect(parseEndpoints('http://10.0.0.1:7301,7302, 10.0.0.2:7301')).toEqual([
      'http://10.0.0.1:7301',
      'http://10.0.0.1:7302',
      'http://10.0.0.2:7301',
    ]);
  });

  it.each(['7301', 'ftp://a:1', 'http://a:1/path', 'http://user@a:1', 'http://a:99999', 'http://a:1,99999'])(
    'refuses %s and shows how one looks',
    (text) => {
      expect(() => parseEndpoints(text)).toThrow(/must be like http:\/\/127\.0\.0\.1:7301/);
    },
  );

  it('refuses an empty list', () => {
    expect(() => parseEndpoints(' , ')).toThrow(/no endpoints given/);
  });
});
