import type { LogEntry, NodeId } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import { MemoryCheckpointStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { InMemoryNetwork } from '../../libs/replica/src/test-support/in-memory-network.js';
import { VirtualClock } from '../../libs/replica/src/test-support/virtual-clock.js';
import { encodeMessage } from '../../libs/transport-socketio/src/peer-codec.js';
import { TEST_LIMIT_MS } from './lab-constants.js';
import type { LabPlatform, ProcessParts } from './lab-platform.js';

const LATENCY_MS = 1;
/** Index, term, length and kind of an entry in a store. */
const ENTRY_HEAD_BYTES = 16;

/** Everything in memory; time passes when nothing else is left to do. */
export class VirtualPlatform implements LabPlatform {
  readonly clock = new VirtualClock();
  readonly rounds = { figure8: 1_000, unreliableAgreements: 49, churn: 20, snapshots: 30 };
  readonly writeDelayMs = 1;
  readonly isTimeExact = true;
  private readonly network = new InMemoryNetwork(this.clock, LATENCY_MS);
  private readonly disks = new Map<NodeId, MemoryDisk>();
  private readonly cut = new Set<string>();
  private sentByteCount = 0;

  constructor() {
    this.network.fateOf = (from, to, message) => this.fateOf(from, to, message);
  }

  async open(node: NodeId): Promise<ProcessParts> {
    const disk = this.disks.get(node) ?? new MemoryDisk();
    this.disks.set(node, disk);
    return {
      transport: this.network.transport(node),
      logStore: new MemoryLogStore(disk),
      checkpoints: new MemoryCheckpointStore(disk),
    };
  }

  async listens(): Promise<void> {
    // A node of the network in memory is found by its name.
  }

  gone(): void {
    // As above.
  }

  async setLinked(one: NodeId, two: NodeId, isLinked: boolean): Promise<void> {
    for (const wire of [wireOf(one, two), wireOf(two, one)]) {
      if (isLinked) this.cut.delete(wire);
      else this.cut.add(wire);
    }
  }

  sentBytes(): number {
    return this.sentByteCount;
  }

  async logBytes(node: NodeId): Promise<number> {
    return (this.disks.get(node)?.entries ?? []).reduce((sum, entry) => sum + storedBytes(entry), 0);
  }

  async run(story: () => Promise<void>): Promise<void> {
    let isTold = false;
    const told = story().finally(() => {
      isTold = true;
    });
    // Also when the story ends before anybody awaits it.
    told.catch(() => undefined);
    await this.clock.until(() => isTold, TEST_LIMIT_MS);
    await told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing outlives the test.
  }

  private fateOf(from: NodeId, to: NodeId, message: PeerMessage): 'deliver' | 'drop' {
    if (this.cut.has(wireOf(from, to))) return 'drop';
    this.sentByteCount += encodeMessage(message).byteLength;
    return 'deliver';
  }
}

const wireOf = (from: NodeId, to: NodeId): string => `${from} ${to}`;

function storedBytes(entry: LogEntry): number {
  return ENTRY_HEAD_BYTES + (entry.type === 'command' ? entry.data.byteLength : 0);
}
