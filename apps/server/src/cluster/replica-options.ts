import { randomInt } from 'node:crypto';
import type { RaftConfig } from '@latchkey/raft';
import type { NodeSettings } from '../settings/settings.js';

/** After the leader's connection closed a follower waits up to this long before it asks for votes, so that two rarely ask at once. */
const PEER_DOWN_DELAY_MS = 30;
const MAX_IN_FLIGHT_APPENDS = 256;
const MAX_IN_FLIGHT_BYTES = 8 * 1024 * 1024;
const MAX_APPEND_BYTES = 512 * 1024;
const MAX_UNCOMMITTED_BYTES = 64 * 1024 * 1024;
/** What a peer can miss that was away for a moment, such as for a restart; one that has missed more gets a snapshot. */
const MAX_TRAILING_ENTRIES = 10_000;
/**
 * Also begins a checkpoint: large values must fill neither the memory (the log is in it) nor the time of a restart. Not less,
 * because most versions of keys that are written often are gone by the next checkpoint, and are saved by none
 * (docs/decisions/0022-pace-of-checkpoints.md).
 */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const DISK_STALL_ELECTION_TIMEOUTS = 5;
const MAX_SEED = 2 ** 31;
/** Also for the round trips of a slow disk; above it the outcome is unknown. */
const PROPOSAL_TIMEOUT_MS = 10_000;

/** When the applied state is saved. */
export const checkpointPace = (
  settings: NodeSettings,
): { readonly everyEntries: number; readonly everyBytes: number } => ({
  everyEntries: settings.snapshotEntries,
  everyBytes: CHECKPOINT_BYTES,
});

/** Among those that it was started with, in an order that all of them know. */
export function placeAmongPeers({ nodeId, peers }: NodeSettings): { readonly number: number; readonly of: number } {
  const others = [...peers.keys()].filter((peer) => peer !== nodeId);
  return { number: others.filter((peer) => peer < nodeId).length, of: others.length + 1 };
}

export const REPLICA_LIMITS = {
  maxQueuedInputs: 65_536,
  maxPendingProposals: 65_536,
  proposalTimeoutMs: PROPOSAL_TIMEOUT_MS,
  /** As long as an election may take. */
  readTimeoutMs: 5_000,
} as const;

export function raftConfig(settings: NodeSettings): RaftConfig {
  return {
    nodeId: settings.nodeId,
    initialMembership: { voters: settings.join ? [] : [...settings.peers.keys()], votersOutgoing: [], learners: [] },
    heartbeatIntervalMs: settings.heartbeatMs,
    electionTimeoutMs: settings.electionTimeoutMs,
    peerDownDelayMs: Math.min(PEER_DOWN_DELAY_MS, settings.electionTimeoutMs),
    maxInFlightAppends: MAX_IN_FLIGHT_APPENDS,
    maxInFlightBytes: MAX_IN_FLIGHT_BYTES,
    maxAppendBytes: MAX_APPEND_BYTES,
    maxUncommittedBytes: MAX_UNCOMMITTED_BYTES,
    trailingEntries: Math.min(MAX_TRAILING_ENTRIES, settings.snapshotEntries),
    diskStallTimeoutMs: DISK_STALL_ELECTION_TIMEOUTS * settings.electionTimeoutMs,
    seed: randomInt(MAX_SEED),
  };
}

/** 48 random bits naming this run of the process. */
export const randomIncarnation = (): number => randomInt(2 ** 48 - 1);
