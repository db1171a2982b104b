import { nodeId, type NodeId } from '@latchkey/raft';
import { ReplicaError } from '@latchkey/replica';
import { seededRandom } from '../../libs/raft/src/random-source.js';
import { textCommand } from '../../libs/replica/src/test-support/recording-state-machine.js';
import { AppliedLog } from './applied-log.js';
import {
  AGREEMENT_LIMIT_MS,
  AGREEMENT_TRY_MS,
  ELECTION_TIMEOUT_MS,
  HEARTBEAT_MS,
  LAB_ELECTION_TIMEOUT_MS,
  LEADER_LIMIT_MS,
} from './lab-constants.js';
import type { LabPlatform, LabRounds } from './lab-platform.js';
import { LabServer } from './lab-server.js';
import type { LabWeather } from './lab-transport.js';

/** A command that a leader has taken: it may be committed, or not, and never twice. */
export type Started = { readonly term: number; readonly text: string };

export type LabClusterOptions = {
  readonly platform: LabPlatform;
  readonly size: number;
  readonly isReliable: boolean;
  readonly checkpointEvery: number | null;
  readonly seed: number;
};

const POLL_MS = 5;

/**
 * The harness of the lab, in its words. Servers are numbers from 0. Whatever a server does wrong (another command at a
 * place than somebody else, out of order, a second leader of a term, a command that was refused and committed after all)
 * fails the story at its next step.
 */
export class LabCluster {
  readonly weather: LabWeather;
  readonly log = new AppliedLog((problem) => this.problems.push(problem));
  /** Snapshots that a server got from its leader. */
  snapshotsInstalled = 0;
  private readonly platform: LabPlatform;
  private readonly servers: readonly LabServer[];
  private readonly random: () => number;
  private readonly connected: boolean[];
  private readonly leaders = new Map<number, number>();
  private readonly refused = new Set<string>();
  private readonly problems: string[] = [];
  private incarnations = 0;
  private lastSerial = 0;

  constructor(options: LabClusterOptions) {
    const { platform, size, isReliable, checkpointEvery, seed } = options;
    this.platform = platform;
    this.random = seededRandom(seed, 'story');
    this.incarnations = seed;
    this.weather = {
      isUnreliable: !isReliable,
      isLongReordering: false,
      random: seededRandom(seed, 'weather'),
      requestCount: 0,
    };
    this.connected = Array.from({ length: size }, () => true);
    const members = Array.from({ length: size }, (_, number) => nodeId(`s${number}`));
    this.servers = members.map((id, number) => this.newServer(number, { id, members, checkpointEvery }));
  }

  get size(): number {
    return this.servers.length;
  }

  get rounds(): LabRounds {
    return this.platform.rounds;
  }

  get isTimeExact(): boolean {
    return this.platform.isTimeExact;
  }

  /** Who is not heard of for so long counts as away. */
  get silenceMs(): number {
    return ELECTION_TIMEOUT_MS + HEARTBEAT_MS;
  }

  async boot(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.boot()));
  }

  /** All processes end; and nothing was wrong up to here. */
  async end(): Promise<void> {
    for (const server of this.servers) server.crash();
    await Promise.all(this.servers.map((server) => server.ended()));
    this.throwIfWrong();
  }

  /** A whole number below `limit`. */
  randomBelow(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  randomText(length: number): string {
    return Array.from({ length }, () => String.fromCodePoint(FIRST_LETTER + this.randomBelow(LETTERS))).join('');
  }

  /** The server `distance` after `server`, around. */
  after(server: number, distance = 1): number {
    return (server + distance) % this.size;
  }

  get everyone(): readonly number[] {
    return this.servers.map((_, number) => number);
  }

  isUp(server: number): boolean {
    return this.at(server).isUp;
  }

  isConnected(server: number): boolean {
    return this.connected[server] === true;
  }

  /** Time goes by. @throws when something was wrong meanwhile */
  async pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.platform.clock.setTimer(ms, resolve));
    this.throwIfWrong();
  }

  /** @returns whether `condition` came true within `limitMs` */
  async within(limitMs: number, condition: () => boolean): Promise<boolean> {
    const deadlineMs = this.platform.clock.nowMs() + limitMs;
    for (;;) {
      this.throwIfWrong();
      if (condition()) return true;
      if (this.platform.clock.nowMs() >= deadlineMs) return false;
      await this.pass(POLL_MS);
    }
  }

  /** Of the connected servers, who leads in the highest term. @throws when nobody does within the lab's limit */
  async checkOneLeader(): Promise<number> {
    await this.must('a leader', LEADER_LIMIT_MS, () => this.leader() !== null);
    const leader = this.leader();
    if (leader === null) throw new Error('the leader is gone in the same moment');
    return leader;
  }

  checkNoLeader(): void {
    this.throwIfWrong();
    const leader = this.leader();
    if (leader !== null) throw new Error(`server ${leader} leads, but it cannot have a majority`);
  }

  /** The term in which all connected servers are. @throws when they are not in one before another leader could be elected */
  async checkTerms(): Promise<number> {
    const terms = () => new Set(this.connectedServers().map((number) => this.termOf(number)));
    await this.must('one term', ELECTION_TIMEOUT_MS, () => terms().size === 1);
    return [...terms()][0] ?? 0;
  }

  termOf(server: number): number {
    return this.at(server).replica?.status().currentTerm ?? 0;
  }

  isLeader(server: number): boolean {
    return this.at(server).isLeader;
  }

  /** How many servers have applied the command at `place`; see `AppliedLog`. */
  nCommitted(place: number): number {
    return this.servers.filter((server) => server.machine.commands.length >= place).length;
  }

  /** Where `started` was applied, once `servers` have it; else null. */
  placeAppliedBy(started: Started, servers: number): number | null {
    const place = this.log.placeOf(started.text);
    return place !== null && this.nCommitted(place) >= servers ? place : null;
  }

  /** What `server` has applied, in order. */
  appliedBy(server: number): readonly string[] {
    return this.at(server).machine.texts;
  }

  /** The lab's `Start`: gives a command to one server. Null when that does not lead. */
  start(server: number, command: string): Started | null {
    const replica = this.at(server).replica;
    const status = replica?.status();
    if (replica === null || status?.role !== 'leader') return null;
    this.lastSerial += 1;
    const text = `${this.lastSerial} ${command}`;
    const isAlive = () => this.at(server).replica === replica;
    replica.propose(textCommand(text)).catch((error: unknown) => {
      if (isAlive() && isNothingDone(error)) this.refused.add(text);
    });
    return { term: status.currentTerm, text };
  }

  /**
   * The lab's `one`: has `expectedServers` apply `command`, at whatever leader, trying again if `retry`.
   * @returns its place among all commands
   * @throws when they have not within the lab's limits
   */
  async one(command: string, expectedServers: number, retry: boolean): Promise<number> {
    const deadlineMs = this.platform.clock.nowMs() + AGREEMENT_LIMIT_MS;
    while (this.platform.clock.nowMs() < deadlineMs) {
      const started = this.startAnywhere(command);
      if (started === null) {
        await this.pass(POLL_MS);
        continue;
      }
      await this.within(AGREEMENT_TRY_MS, () => this.placeAppliedBy(started, expectedServers) !== null);
      const place = this.placeAppliedBy(started, expectedServers);
      if (place !== null) return place;
      if (!retry) break;
    }
    throw new Error(`no agreement on "${command.slice(0, SHOWN_CHARACTERS)}" by ${expectedServers}; ${this.shown()}`);
  }

  /**
   * The lab's `wait`: until `servers` have applied it.
   * @returns its place; null when that takes too long, or a term after the one it was started in has begun
   */
  async wait(started: Started, servers: number): Promise<number | null> {
    const hasMovedOn = () => this.everyone.some((server) => this.termOf(server) > started.term);
    await this.within(WAIT_LIMIT_MS, () => this.placeAppliedBy(started, servers) !== null || hasMovedOn());
    return this.placeAppliedBy(started, servers);
  }

  /** No message leaves or reaches `server`; it is not told, and nobody else is. */
  async disconnect(server: number): Promise<void> {
    this.connected[server] = false;
    await this.setLinks(server);
  }

  async connect(server: number): Promise<void> {
    this.connected[server] = true;
    await this.setLinks(server);
  }

  /** Ends the process of `server`. Only what was durable is left. */
  crash(server: number): void {
    this.at(server).crash();
  }

  /** A new process of `server`; one that still runs crashes first. It is connected. */
  async restart(server: number): Promise<void> {
    this.crash(server);
    if (!this.isConnected(server)) await this.connect(server);
    await this.at(server).boot();
  }

  /** Requests that arrived at any server so far. */
  get rpcCount(): number {
    return this.weather.requestCount;
  }

  get byteCount(): number {
    return this.platform.sentBytes();
  }

  /** Bytes of the longest log in any server's store. */
  async logSize(): Promise<number> {
    return Math.max(...(await Promise.all(this.servers.map(({ id }) => this.platform.logBytes(id)))));
  }

  /** @throws the first thing that was wrong */
  throwIfWrong(): void {
    const twice = [...this.refused].find((text) => this.log.placeOf(text) !== null);
    if (twice !== undefined) this.problems.push(`"${twice}" was refused and committed`);
    const [first] = this.problems;
    if (first !== undefined) throw new Error(first);
  }

  private startAnywhere(command: string): Started | null {
    for (const server of this.connectedServers()) {
      const started = this.start(server, command);
      if (started !== null) return started;
    }
    return null;
  }

  private connectedServers(): readonly number[] {
    return this.everyone.filter((number) => this.isConnected(number) && this.isUp(number));
  }

  private leader(): number | null {
    const leaders = this.connectedServers().filter((number) => this.isLeader(number));
    return leaders.sort((one, two) => this.termOf(two) - this.termOf(one))[0] ?? null;
  }

  private async setLinks(server: number): Promise<void> {
    const { id } = this.at(server);
    const others = this.servers.filter((other) => other.id !== id);
    await Promise.all(
      others.map((other, position) => {
        const number = position < server ? position : position + 1;
        const isLinked = this.isConnected(server) && this.isConnected(number);
        return this.platform.setLinked(id, other.id, isLinked);
      }),
    );
  }

  private async must(what: string, limitMs: number, condition: () => boolean): Promise<void> {
    if (!(await this.within(limitMs, condition))) throw new Error(`no ${what} within ${limitMs} ms; ${this.shown()}`);
  }

  private leads(server: number, term: number): void {
    const other = this.leaders.get(term);
    if (other !== undefined && other !== server) {
      this.problems.push(`servers ${other} and ${server} both led in term ${term}`);
    }
    this.leaders.set(term, server);
  }

  private newServer(
    number: number,
    options: { readonly id: NodeId; readonly members: readonly NodeId[]; readonly checkpointEvery: number | null },
  ): LabServer {
    return new LabServer({
      ...options,
      number,
      platform: this.platform,
      weather: this.weather,
      events: {
        applied: (place, command) => this.log.applied(number, place, command),
        leads: (term) => this.leads(number, term),
        snapshotInstalled: () => {
          this.snapshotsInstalled += 1;
        },
        problem: (problem) => this.problems.push(problem),
      },
      nextIncarnation: () => {
        this.incarnations += 1;
        return this.incarnations;
      },
    });
  }

  private at(server: number): LabServer {
    const found = this.servers[server];
    if (found === undefined) throw new Error(`there is no server ${server}`);
    return found;
  }

  /** For the message of a failure. */
  private shown(): string {
    return this.servers
      .map((server, number) => {
        const status = server.replica?.status();
        if (status === undefined) return `${number}: down`;
        const { role, currentTerm, commitIndex, lastLogIndex, appliedIndex } = status;
        const link = this.isConnected(number) ? '' : ' cut off';
        return `${number}${link}: ${role} of term ${currentTerm}, log ${lastLogIndex}, committed ${commitIndex}, applied ${appliedIndex}`;
      })
      .join('; ');
  }
}

const FIRST_LETTER = 97;
const LETTERS = 26;
const SHOWN_CHARACTERS = 40;
/** The lab polls thirty times, 10 ms to 1 s apart; nothing that goes well takes so long. */
const WAIT_LIMIT_MS = 2 * LAB_ELECTION_TIMEOUT_MS;

/** The replica has said that this proposal is in no log and never will be. */
const isNothingDone = (error: unknown): boolean => error instanceof ReplicaError && error.code !== 'OUTCOME_UNKNOWN';
