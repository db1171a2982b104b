import type { NodeId, RaftMessage } from '@latchkey/raft';

/** A message on its way. `sequence` grows with every message of the world. */
export type Packet = {
  readonly sequence: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: RaftMessage;
};

type Link = Pick<Packet, 'from' | 'to'>;

/** Messages wait, in the order in which they were sent, until a scenario says what becomes of them. */
export class Network {
  private packets: Packet[] = [];
  private readonly delayed = new Map<string, Packet>();
  private readonly cutLinks = new Set<string>();
  private lastSequence = 0;

  get waiting(): readonly Packet[] {
    return this.packets;
  }

  /** Whether the message is on its way; on a cut link it is lost. */
  send(from: NodeId, to: NodeId, message: RaftMessage): boolean {
    if (this.isCut({ from, to })) return false;
    this.lastSequence += 1;
    this.packets.push({ sequence: this.lastSequence, from, to, message });
    return true;
  }

  /** Removes these from those that wait. */
  take(taken: readonly Packet[]): void {
    this.packets = this.packets.filter((packet) => !taken.includes(packet));
  }

  /** Copies arrive after everything that is on its way now. */
  duplicate(packets: readonly Packet[]): void {
    for (const { from, to, message } of packets) this.send(from, to, message);
  }

  /** The last shall be first: these trade places among themselves. */
  reverse(packets: readonly Packet[]): void {
    const reversed = packets.toReversed();
    this.packets = this.packets.map((packet) => reversed[packets.indexOf(packet)] ?? packet);
  }

  delay(packet: Packet, name: string): void {
    this.take([packet]);
    this.delayed.set(name, packet);
  }

  /** It stays known by its name, and can come again. */
  delayedAs(name: string): Packet {
    const packet = this.delayed.get(name);
    if (packet === undefined) throw new Error(`no message was delayed as ${name}`);
    return packet;
  }

  isCut({ from, to }: Link): boolean {
    return this.cutLinks.has(`${from}->${to}`);
  }

  /** What is on its way there is lost; gives it. */
  cut(links: readonly Link[]): readonly Packet[] {
    for (const { from, to } of links) this.cutLinks.add(`${from}->${to}`);
    const lost = this.packets.filter((packet) => this.isCut(packet));
    this.take(lost);
    return lost;
  }

  heal(links: readonly Link[] | null): void {
    if (links === null) this.cutLinks.clear();
    else for (const { from, to } of links) this.cutLinks.delete(`${from}->${to}`);
  }
}
