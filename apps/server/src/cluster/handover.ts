import type { Membership, NodeId } from '@latchkey/raft';
import type { Replica, ReplicaStatus } from '@latchkey/replica';

/** Beyond the election timeout after which Raft itself gives up: for the answer to arrive. */
const HANDOVER_MARGIN_MS = 250;
/** A stop must not wait for longer, whatever the election timeout. */
const MAX_HANDOVER_MS = 2_500;

export type HandoverParts = {
  readonly replica: Pick<Replica<unknown>, 'transferLeadership' | 'status'>;
  readonly electionTimeoutMs: number;
  /** Calls back whenever a peer comes or goes. @returns what ends that */
  readonly onPeerChanged: (listener: () => void) => () => void;
  readonly setTimer: (delayMs: number, callback: () => void) => { cancel(): void };
};

/** The next leader; or why nobody took over, for the log. */
export type HandoverResult = { readonly leaderId: NodeId } | { readonly notHandedOver: string };

/**
 * A leader that is about to stop hands over first, so that nobody waits for an election timeout (ARCHITECTURE §4.9). Null
 * when it does not lead. Never rejects, and is over at once when nobody could take over: all nodes may be stopping together.
 */
export async function handOver(parts: HandoverParts): Promise<HandoverResult | null> {
  const { replica, electionTimeoutMs, onPeerChanged, setTimer } = parts;
  if (replica.status().role !== 'leader') return null;
  const limitMs = Math.min(electionTimeoutMs + HANDOVER_MARGIN_MS, MAX_HANDOVER_MS);
  return new Promise((resolve) => {
    const end = (result: HandoverResult): void => {
      timer.cancel();
      stopListening();
      resolve(result);
    };
    const endIfHopeless = (): void => {
      if (!canElectAnother(replica.status())) end({ notHandedOver: 'too few other voters are connected' });
    };
    const timer = setTimer(limitMs, () => end({ notHandedOver: `nobody took over within ${limitMs} ms` }));
    const stopListening = onPeerChanged(endIfHopeless);
    replica.transferLeadership(null).then(
      (leaderId) => end({ leaderId }),
      (error: unknown) => end({ notHandedOver: error instanceof Error ? error.message : String(error) }),
    );
    endIfHopeless();
  });
}

/** Whether the voters that are connected, with this one, are a majority, and one of them is not this one. */
function canElectAnother({ nodeId, membership, connectedPeers }: ReplicaStatus): boolean {
  const others = connectedPeers.filter((peer) => membership.voters.includes(peer));
  return others.length > 0 && hasMajority(membership, new Set([...others, nodeId]));
}

function hasMajority({ voters }: Membership, present: ReadonlySet<NodeId>): boolean {
  return voters.filter((voter) => present.has(voter)).length > voters.length / 2;
}
