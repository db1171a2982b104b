/** Addresses by which a machine reaches itself or its cloud's own services, never another node (SECURITY S20). */
const linkLocalPattern = /^(169\.254\.|\[fe[89ab][0-9a-f]:|\[::ffff:a9fe:)/i;

/**
 * Scheme, host and port of a peer's address, to be dialled and compared; null for what is no such address.
 * @param source `configured` by the operator of this node, or given at run time by somebody who may change the membership
 */
export function peerOrigin(address: string, source: 'configured' | 'given'): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, host, origin } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:') return null;
  if (source === 'given' && linkLocalPattern.test(host)) return null;
  return origin;
}
