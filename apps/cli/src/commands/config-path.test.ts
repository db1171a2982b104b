import { describe, expect, it } from 'vitest';
import { parseConfigKey, parseConfigPrefix } from './config-path.js';

describe('paths of configuration keys', () => {
  it('end the namespace at the first slash', () => {
    expect(parseConfigKey('payments/limits/max')).toEqual({ namespace: 'payments', key: 'limits/max' });
  });

  it.each(['payments', 'payments/'])('refuse %s where a key is wanted', (path) => {
    expect(() => parseConfigKey(path)).toThrow(`"${path}" names no key`);
    expect(parseConfigPrefix(path)).toEqual({ namespace: 'payments', prefix: '' });
  });

  it.each(['', '/limits'])('refuse %j, which has no namespace', (path) => {
    expect(() => parseConfigPrefix(path)).toThrow(/has no namespace/);
  });
});
