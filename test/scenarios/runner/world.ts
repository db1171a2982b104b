import { logIndex, nodeId, readId, proposalId, term } from '@latchkey/raft';
import type { LogEntry, Membership, NodeId, ProposalId, RaftConfig, ReadId, Term } from '@latchkey/raft';
import { membershipOf, raftConfig } from '../../../libs/raft/src/test-support/raft-builders.js';
import { RaftOracle } from '../../../libs/raft/src/test-support/raft-oracle.js';
import type { StateImage } from '../../../libs/raft/src/test-support/virtual-state.js';
import { messageText } from './message-text.js';
import { Network, type Packet } from './network.js';
import { ScenarioNode } from './scenario-node.js';
import { Transcript } from './transcript.js';

/** A snapshot that a leader has begun to send. */
export type SnapshotTransfer = { readonly leaderTerm: Term; readonly image: StateImage };

/** Messages, or ticks, that one command may bring about: beyond it something goes round in circles. */
const MAX_HAPPENINGS = 2_000;

/**
 * Several Raft nodes, a network that delivers nothing by itself, a clock that stands still, and an oracle that objects when
 * a promise of Raft's Figure 3 is broken.
 */
export class World {
  readonly transcript = new Transcript();
  readonly network = new Network();
  readonly nodes = new Map<NodeId, ScenarioNode>();
  /** By link, `n1->n2`. The data travels outside of the core; a scenario says how that ends. */
  readonly snapshots = new Map<string, SnapshotTransfer>();
  nowMs = 0;
  private readonly oracle = new RaftOracle();
  private settings: Partial<RaftConfig> = {};
  private initialMembership: Membership = membershipOf([]);
  private readonly givenEntries = new Map<string, LogEntry>();
  private lastProposalId = 0;
  private lastReadId = 0;

  constructor() {
    this.oracle.isOnQuorumOfDisks = (entry, { voters, votersOutgoing }) =>
      [voters, votersOutgoing].every((set) => set.length === 0 || this.isOnMajority(set, entry));
  }

  /** The first membership; all its members start with empty disks. */
  createCluster(membership: Membership, settings: Partial<RaftConfig>): void {
    if (this.nodes.size > 0) throw new Error('there is a cluster already');
    this.settings = settings;
    this.initialMembership = membership;
    const { voters, votersOutgoing, learners } = membership;
    for (const id of new Set([...voters, ...votersOutgoing, ...learners])) this.addNode(id, membership);
  }

  /** A node that belongs to no membership waits to be sent entries. */
  join(id: NodeId): void {
    if (this.nodes.has(id)) throw new Error(`${id} is there already`);
    this.addNode(id, membershipOf([]));
  }

  /** Restarts a node that has done nothing yet with this on its disk: an entry of each of the terms. */
  give(
    id: NodeId,
    given: { readonly term: number; readonly vote: NodeId | null; readonly terms: readonly number[] },
  ): void {
    if (!this.node(id).isUntouched) throw new Error(`something has happened to ${id} already`);
    const node = this.addNode(id, this.initialMembership, false);
    node.disk.hardState = { currentTerm: term(given.term), votedFor: given.vote };
    const entries = given.terms.map((entryTerm, position) => this.givenEntry(position + 1, entryTerm));
    node.disk.log.write({ truncateFrom: null, entries });
    this.oracle.appended(id, entries, node.disk.log);
    node.start();
  }

  node(id: NodeId): ScenarioNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no ${id}`);
    return node;
  }

  nextProposalId(): ProposalId {
    this.lastProposalId += 1;
    return proposalId(this.lastProposalId);
  }

  nextReadId(): ReadId {
    this.lastReadId += 1;
    return readId(this.lastReadId);
  }

  /** What is on its way at this moment, one after the other; not what that causes. */
  deliver(packets: readonly Packet[]): void {
    for (const packet of packets) {
      this.network.take([packet]);
      this.arrive(packet);
    }
  }

  /** The message reaches the node, be it for the first time or again. */
  arrive({ from, to, message }: Packet): void {
    const happening = { key: `<- ${from}`, text: messageText(message), always: true };
    const node = this.nodes.get(to);
    if (node?.isUp === true) node.step({ type: 'message', from, message }, happening);
    else this.transcript.happened(`${to} ${happening.key}`, `${happening.text} (nobody is there)`);
  }

  /** Delivers, in the order of sending, until nothing is on its way between these nodes. */
  stabilize(among: ReadonlySet<NodeId>): void {
    for (let count = 0; count < MAX_HAPPENINGS; count += 1) {
      const next = this.network.waiting.find(({ from, to }) => among.has(from) && among.has(to));
      if (next === undefined) return;
      this.deliver([next]);
    }
    throw new Error('the messages come to no end');
  }

  /** Time passes for all nodes, with their ticks when they are due; `afterTick` says what happens in between. */
  advance(byMs: number, afterTick: () => void): void {
    const untilMs = this.nowMs + byMs;
    for (let count = 0; count < MAX_HAPPENINGS; count += 1) {
      const due = this.nextDue();
      if (due === undefined || due.nextDeadlineMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, due.nextDeadlineMs);
      due.step({ type: 'tick' }, { key: 'tick', text: `at ${Math.round(this.nowMs)} ms`, always: false });
      afterTick();
    }
    throw new Error('the ticks come to no end');
  }

  private nextDue(): ScenarioNode | undefined {
    const up = [...this.nodes.values()].filter(({ isUp }) => isUp);
    return up.toSorted((left, right) => left.nextDeadlineMs - right.nextDeadlineMs)[0];
  }

  private addNode(id: NodeId, initialMembership: Membership, isStarted = true): ScenarioNode {
    const node = new ScenarioNode({
      config: raftConfig({ ...this.settings, nodeId: id, initialMembership }),
      transcript: this.transcript,
      oracle: this.oracle,
      worldNowMs: () => this.nowMs,
      send: (from, to, message) => this.network.send(from, to, message),
      isCut: (link) => this.network.isCut(link),
      beginSnapshot: (from, to, image) => {
        const leaderTerm = this.node(from).status?.currentTerm ?? term(0);
        this.snapshots.set(`${from}->${to}`, { leaderTerm, image });
      },
    });
    this.nodes.set(id, node);
    if (isStarted) node.start();
    return node;
  }

  /** One object per index and term, as if one leader had made it. */
  private givenEntry(index: number, entryTerm: number): LogEntry {
    const key = `${index}/${entryTerm}`;
    const data = new Uint8Array(0);
    const entry: LogEntry = { type: 'command', index: logIndex(index), term: term(entryTerm), data };
    const known = this.givenEntries.get(key) ?? entry;
    this.givenEntries.set(key, known);
    return known;
  }

  private isOnMajority(voters: readonly NodeId[], entry: LogEntry): boolean {
    const holders = voters.filter((voter) => this.nodes.get(voter)?.disk.holds(entry) === true);
    return holders.length * 2 > voters.length;
  }
}

/** @throws Error for what is no name of a node */
export function nodeNamed(word: string | undefined): NodeId {
  if (word === undefined || !/^n\d+$/.test(word)) throw new Error(`expected a node, got ${word ?? 'nothing'}`);
  return nodeId(word);
}
