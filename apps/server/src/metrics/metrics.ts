import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { RejoinReason } from '@latchkey/replica';
import type { Registry } from 'prom-client';
import { SnapshotCounters } from './snapshot-counters.js';

export type Observed = {
  readonly role: string;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstLogIndex: number;
  readonly lastLogIndex: number;
  readonly checkpointIndex: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly historyMemoryBytes: number;
  readonly connectedPeers: number;
  readonly leases: number;
  readonly watches: number;
  readonly lockWaiters: number;
  readonly clientConnections: number;
  readonly clientUnsentBytes: number;
  readonly rejoining: RejoinReason | null;
  readonly verifiedPages: number;
  readonly verifiedPasses: number;
  readonly damagedPasses: number;
};

/** A scraper comes every few seconds; finer sampling would wake an idle node for nothing. */
const EVENT_LOOP_SAMPLE_MS = 100;
const PERSIST_BUCKETS_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];
const ROLES = ['leader', 'follower', 'candidate', 'learner'];
const REJOIN_REASONS = ['replaced', 'behind', 'corrupt', 'diverged'] as const satisfies readonly RejoinReason[];
const NANOSECONDS_PER_SECOND = 1e9;

/**
 * Numbers for Prometheus. Counted by hand, so that a node that nobody scrapes does not even load the library, and read
 * from the node when somebody scrapes.
 */
export class Metrics {
  readonly snapshots = new SnapshotCounters();
  private readonly eventLoopDelay = monitorEventLoopDelay({ resolution: EVENT_LOOP_SAMPLE_MS });
  private readonly persistBuckets = PERSIST_BUCKETS_SECONDS.map(() => 0);
  private persistCount = 0;
  private persistSeconds = 0;
  private persistedEntries = 0;
  private persistedBytes = 0;
  private appliedCommands = 0;
  private stateDifferences = 0;

  constructor(private readonly observe: () => Observed) {
    this.eventLoopDelay.enable();
  }

  persisted(batch: { readonly entryCount: number; readonly byteCount: number; readonly durationMs: number }): void {
    const seconds = batch.durationMs / 1_000;
    this.persistCount += 1;
    this.persistSeconds += seconds;
    this.persistedEntries += batch.entryCount;
    this.persistedBytes += batch.byteCount;
    const bucket = PERSIST_BUCKETS_SECONDS.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) this.persistBuckets[bucket] = (this.persistBuckets[bucket] ?? 0) + 1;
  }

  applied(commandCount: number): void {
    this.appliedCommands += commandCount;
  }

  stateDiffers(): void {
    this.stateDifferences += 1;
  }

  stop(): void {
    this.eventLoopDelay.disable();
  }

  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    const prometheus = await import('prom-client');
    const registry = new prometheus.Registry();
    this.addNode(prometheus, registry);
    this.snapshots.addTo(prometheus, registry);
    this.addProcess(prometheus, registry);
    return { contentType: registry.contentType, text: `${await registry.metrics()}${this.persistHistogram()}` };
  }

  private addNode(prometheus: typeof import('prom-client'), registry: Registry): void {
    const seen = this.observe();
    const role = new prometheus.Gauge({
      name: 'latchkey_role',
      help: 'Role of this node in its cluster; 1 for the present one',
      labelNames: ['role'],
      registers: [registry],
    });
    const rejoining = new prometheus.Gauge({
      name: 'latchkey_rejoining',
      help: 'Whether this node is without its vote because its database has lost something; 1 for the reason',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of REJOIN_REASONS) rejoining.set({ reason }, reason === seen.rejoining ? 1 : 0);
    for (const name of ROLES) role.set({ role: name }, name === seen.role ? 1 : 0);
    const gauges: readonly (readonly [name: string, help: string, value: number])[] = [
      ['latchkey_term', 'Current term', seen.term],
      ['latchkey_commit_index', 'Index of the last entry known to be committed', seen.commitIndex],
      ['latchkey_applied_index', 'Index of the last entry applied here', seen.appliedIndex],
      ['latchkey_log_first_index', 'Index of the first entry that the log still holds', seen.firstLogIndex],
      ['latchkey_log_last_index', 'Index of the last entry of the log', seen.lastLogIndex],
      [
        'latchkey_checkpoint_index',
        'Index up to which the latest checkpoint holds the state; 0 = none',
        seen.checkpointIndex,
      ],
      ['latchkey_revision', 'Revision of the store', seen.revision],
      ['latchkey_compact_revision', 'History up to here is gone', seen.compactRevision],
      ['latchkey_history_memory_bytes', 'Values of old versions that are in memory', seen.historyMemoryBytes],
      ['latchkey_connected_peers', 'Peers connected to this node', seen.connectedPeers],
      ['latchkey_leases', 'Leases alive', seen.leases],
      ['latchkey_watches', 'Watches of this node’s clients', seen.watches],
      ['latchkey_lock_waiters', 'Requests of this node’s clients that wait for a lock', seen.lockWaiters],
      ['latchkey_client_connections', 'Connections of clients', seen.clientConnections],
      ['latchkey_client_unsent_bytes', 'Sent to clients and not read by them yet', seen.clientUnsentBytes],
    ];
    for (const [name, help, value] of gauges) new prometheus.Gauge({ name, help, registers: [registry] }).set(value);
    const counters: readonly (readonly [name: string, help: string, value: number])[] = [
      ['latchkey_applied_commands_total', 'Commands applied by this process', this.appliedCommands],
      [
        'latchkey_state_hash_mismatches_total',
        'Times that the state of another node was found to differ from the state of this one',
        this.stateDifferences,
      ],
      ['latchkey_store_verified_pages_total', 'Pages of the database looked at for damage', seen.verifiedPages],
      ['latchkey_store_verify_passes_total', 'Looks through the whole database without damage', seen.verifiedPasses],
      ['latchkey_store_damage_found_total', 'Looks through the database that found damage', seen.damagedPasses],
      ['latchkey_persisted_entries_total', 'Log entries made durable by this process', this.persistedEntries],
      ['latchkey_persisted_bytes_total', 'Bytes of log entries made durable by this process', this.persistedBytes],
    ];
    for (const [name, help, value] of counters)
      new prometheus.Counter({ name, help, registers: [registry] }).inc(value);
  }

  private addProcess(prometheus: typeof import('prom-client'), registry: Registry): void {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const gauges: readonly (readonly [name: string, help: string, value: number])[] = [
      ['process_resident_memory_bytes', 'Resident memory', rss],
      ['process_heap_used_bytes', 'Heap in use', heapUsed],
      ['process_cpu_seconds', 'Processor time since the start', (user + system) / 1e6],
      ['process_uptime_seconds', 'Since the start', performance.now() / 1_000],
      [
        'latchkey_event_loop_delay_p50_seconds',
        'Median lateness of the event loop',
        this.eventLoopDelay.percentile(50) / NANOSECONDS_PER_SECOND,
      ],
      [
        'latchkey_event_loop_delay_p99_seconds',
        'Worst percent of it',
        this.eventLoopDelay.percentile(99) / NANOSECONDS_PER_SECOND,
      ],
      ['latchkey_event_loop_delay_max_seconds', 'Worst of it', this.eventLoopDelay.max / NANOSECONDS_PER_SECOND],
    ];
    for (const [name, help, value] of gauges) new prometheus.Gauge({ name, help, registers: [registry] }).set(value);
  }

  private persistHistogram(): string {
    const name = 'latchkey_persist_duration_seconds';
    let cumulative = 0;
    const buckets = PERSIST_BUCKETS_SECONDS.map((limit, index) => {
      cumulative += this.persistBuckets[index] ?? 0;
      return `${name}_bucket{le="${limit}"} ${cumulative}\n`;
    });
    return [
      `\n# HELP ${name} Time to make a batch of log entries durable\n# TYPE ${name} histogram\n`,
      ...buckets,
      `${name}_bucket{le="+Inf"} ${this.persistCount}\n${name}_sum ${this.persistSeconds}\n${name}_count ${this.persistCount}\n`,
    ].join('');
  }
}
