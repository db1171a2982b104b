import type { NodeId } from '@latchkey/raft';

/** What only the leader can answer, by subject. The number goes before every question between the nodes. */
const DESKS = { leases: 1, administration: 2 } as const;

export type DeskName = keyof typeof DESKS;

/** Answers a question while this node leads. A rejection must mean that nothing was done. */
export type LeaderDesk = (from: NodeId, question: Uint8Array) => Promise<Uint8Array>;

/** Finds the desk that a question to the leader is for. */
export class LeaderDesks {
  private readonly desks = new Map<number, LeaderDesk>();

  serve(name: DeskName, desk: LeaderDesk): void {
    this.desks.set(DESKS[name], desk);
  }

  /** @throws Error (as a rejection) for a question that is for nobody here */
  async answer(from: NodeId, body: Uint8Array): Promise<Uint8Array> {
    const desk = this.desks.get(body[0] ?? 0);
    if (desk === undefined) throw new Error('nobody here answers such a question');
    return desk(from, body.subarray(1));
  }
}

/** A question as it travels. */
export function addressedTo(name: DeskName, question: Uint8Array): Uint8Array {
  const body = new Uint8Array(question.byteLength + 1);
  body[0] = DESKS[name];
  body.set(question, 1);
  return body;
}
