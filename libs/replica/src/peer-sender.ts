import type { PeerTransport } from './ports/peer-transport.js';

/** The sending half of the transport, as the parts of the driver see it: closed while the node is silent. */
export type PeerSender = Pick<PeerTransport, 'send'>;
