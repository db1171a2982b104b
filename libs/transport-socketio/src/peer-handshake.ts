/**
 * How two nodes prove to each other that they belong to one cluster (SECURITY S1, S2).
 *
 * The acceptor's challenge is the Engine.IO session id, 192 random bits drawn for this connection and told to the dialler
 * before it speaks. The dialler answers in Socket.IO's CONNECT packet with a *hello*: who it is, whom it wants, what the
 * connection is for (see `PeerChannel`), a nonce of its own and HMAC-SHA256(secret, all of that and the challenge). The acceptor decides in `io.use`, before the connection exists
 * for Socket.IO, and proves itself by the first event, the *welcome*: an HMAC over the same facts in its own role. So the
 * secret never travels, neither proof can be replayed on another connection, for another node or in the other direction.
 *
 * It does not hide or seal what follows: somebody who can alter packets between the nodes needs TLS to be kept out.
 */
import type { NodeId } from '@latchkey/raft';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PeerChannel } from './peer-channel.js';

export const peerProtocolVersion = 4;

/** Where peers meet on the peer listener. */
export const peerPath = '/latchkey-peer';

/** SECURITY S3: 128 bit. */
export const minSecretBytes = 16;

const nonceBytes = 24;
const proofBytes = 32;
const maxClaimLength = 256;

export type HandshakeIdentity = {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly secret: string;
};

export type PeerHello = {
  readonly version: number;
  readonly clusterId: string;
  readonly from: string;
  readonly to: string;
  readonly channel: PeerChannel;
  readonly nonce: string;
  readonly proof: string;
};

export type HelloRefusal = {
  /** For the own log. */
  readonly reason: 'malformed' | 'version' | 'proof' | 'clusterId' | 'addressee' | 'unknownNode' | 'direction';
  /** For the own log: text from the other side is quoted and cut. */
  readonly description: string;
  /** For the other side: says what differs only to somebody who holds the secret, apart from the protocol version. */
  readonly answer: string;
};

export type HelloVerdict =
  | { readonly accepted: true; readonly from: NodeId; readonly channel: PeerChannel; readonly welcome: string }
  | { readonly accepted: false; readonly refusal: HelloRefusal };

const constantAnswer = 'cluster id, node id or secret is not the one expected here';

/** A session id that nobody can foresee. */
export function createChallenge(): string {
  return randomBytes(nonceBytes).toString('base64url');
}

export function createHello(
  identity: HandshakeIdentity,
  wanted: { readonly to: NodeId; readonly channel: PeerChannel },
  challenge: string,
): PeerHello {
  const facts = {
    version: peerProtocolVersion,
    clusterId: identity.clusterId,
    from: identity.nodeId,
    ...wanted,
    nonce: randomBytes(nonceBytes).toString('base64url'),
  };
  return { ...facts, proof: proofOf('dialler', identity.secret, facts, challenge).toString('base64url') };
}

/** The dialler's check of the acceptor. */
export function isWelcome(welcome: unknown, identity: HandshakeIdentity, hello: PeerHello, challenge: string): boolean {
  return typeof welcome === 'string' && isProof(welcome, proofOf('acceptor', identity.secret, hello, challenge));
}

/**
 * The acceptor's check of the dialler.
 * @param diallers the peers that may dial this node
 * @param hello whatever came in the CONNECT packet
 */
export function checkHello(
  hello: unknown,
  identity: HandshakeIdentity,
  diallers: (nodeId: string) => NodeId | 'wrongDirection' | 'unknown',
  challenge: string,
): HelloVerdict {
  const version = versionOf(hello);
  // Before its other fields, which may be others in another version.
  if (version !== null && version !== peerProtocolVersion) {
    const description = `peer protocol version ${version}, this node speaks ${peerProtocolVersion}`;
    return refuse('version', description, description);
  }
  if (!isHello(hello)) return refuse('malformed', 'no well-formed hello', constantAnswer);
  const from = quote(hello.from);
  if (!isProof(hello.proof, proofOf('dialler', identity.secret, hello, challenge))) {
    return refuse('proof', `${from} of cluster ${quote(hello.clusterId)} has another secret`, constantAnswer);
  }
  const verdict = (reason: HelloRefusal['reason'], what: string) => refuse(reason, `${from}: ${what}`, what);
  if (hello.clusterId !== identity.clusterId) {
    return verdict('clusterId', `cluster id ${quote(hello.clusterId)}, this node is in ${quote(identity.clusterId)}`);
  }
  if (hello.to !== identity.nodeId) {
    return verdict('addressee', `wanted node ${quote(hello.to)}, this is ${quote(identity.nodeId)}`);
  }
  const dialler = diallers(hello.from);
  if (dialler === 'unknown') return verdict('unknownNode', `${from} is no peer of ${quote(identity.nodeId)}`);
  if (dialler === 'wrongDirection') {
    return verdict('direction', `between ${from} and ${quote(identity.nodeId)} the greater node id dials`);
  }
  const welcome = proofOf('acceptor', identity.secret, hello, challenge).toString('base64url');
  return { accepted: true, from: dialler, channel: hello.channel, welcome };
}

function refuse(reason: HelloRefusal['reason'], description: string, answer: string): HelloVerdict {
  return { accepted: false, refusal: { reason, description, answer } };
}

function proofOf(
  role: 'dialler' | 'acceptor',
  secret: string,
  facts: Omit<PeerHello, 'proof'>,
  challenge: string,
): Buffer {
  // JSON keeps the fields apart, so that no two different sets of facts have the same bytes.
  const text = JSON.stringify([
    'latchkey-peer',
    role,
    facts.version,
    facts.clusterId,
    facts.from,
    facts.to,
    facts.channel,
    facts.nonce,
    challenge,
  ]);
  return createHmac('sha256', secret).update(text).digest();
}

function isProof(given: string, expected: Buffer): boolean {
  const bytes = Buffer.from(given, 'base64url');
  return bytes.length === proofBytes && timingSafeEqual(bytes, expected);
}

function versionOf(value: unknown): number | null {
  if (typeof value !== 'object' || value === null || !('version' in value)) return null;
  return typeof value.version === 'number' ? value.version : null;
}

function isHello(value: unknown): value is PeerHello {
  if (typeof value !== 'object' || value === null) return false;
  const { version, clusterId, from, to, channel, nonce, proof } = value as Partial<Record<keyof PeerHello, unknown>>; // checked below
  const isChannel = channel === 'main' || channel === 'bulk';
  return typeof version === 'number' && isChannel && [clusterId, from, to, nonce, proof].every(isShortText);
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= maxClaimLength;
}

/** Control characters escaped and cut, fit for a log line (SECURITY S15). */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
