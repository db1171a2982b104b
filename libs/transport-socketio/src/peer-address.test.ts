import { describe, expect, it } from 'vitest';
import { peerOrigin } from './peer-address.js';

describe('the address of a peer', () => {
  it.each([
    ['http://n1:7401', 'http://n1:7401'],
    ['http://10.0.0.7:7401/', 'http://10.0.0.7:7401'],
    ['https://user:secret@n1.example:7401/path?query', 'https://n1.example:7401'],
    ['http://[::1]:7401', 'http://[::1]:7401'],
  ])('%s is dialled at %s', (address, origin) => {
    expect(peerOrigin(address, 'given')).toBe(origin);
  });

  it.each(['', 'n1', 'n1:7401', 'http://', 'file:///etc/passwd', 'ftp://n1:7401'])('is not %j', (address) => {
    expect(peerOrigin(address, 'given')).toBeNull();
    expect(peerOrigin(address, 'configured')).toBeNull();
  });

  // 2852039166 and 0xa9fea9fe are other ways to write the first one.
  it.each(['169.254.169.254', '2852039166', '0xa9fea9fe', '[fe80::1]', '[::ffff:169.254.169.254]'])(
    'is not the link-local %s, unless this node is configured so (SECURITY S20)',
    (host) => {
      expect(peerOrigin(`http://${host}:80`, 'given')).toBeNull();
      expect(peerOrigin(`http://${host}:80`, 'configured')).not.toBeNull();
    },
  );
});
