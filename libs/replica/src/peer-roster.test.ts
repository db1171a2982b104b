import { nodeId, type Membership, type NodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { PeerRoster } from './peer-roster.js';
import type { PeerAddress, PeerMessage } from './ports/peer-transport.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const N3 = nodeId('n3');
const N4 = nodeId('n4');
const ASK_INTERVAL_MS = 100;
const KEPT_MS = 400;
const NOBODY: Membership = { voters: [], votersOutgoing: [], learners: [] };
const ALL: Membership = { voters: [N1, N2, N3], votersOutgoing: [], learners: [] };

/** The roster of n1, at a time that the test sets. */
class Subject {
  nowMs = 0;
  readonly shown: (readonly PeerAddress[])[] = [];
  readonly sent: { readonly to: NodeId; readonly message: PeerMessage }[] = [];
  readonly roster: PeerRoster;

  constructor(latest: Membership, configured: readonly NodeId[] = []) {
    this.roster = new PeerRoster({
      nodeId: N1,
      configured,
      transport: { setPeers: (peers) => this.shown.push(peers) },
      sender: { send: (to, message) => this.sent.push({ to, message }) },
      clock: { nowMs: () => this.nowMs },
      askIntervalMs: ASK_INTERVAL_MS,
      keepOthersMs: KEPT_MS,
    });
    this.roster.open();
    this.roster.leaderChanged(null);
    this.roster.look(latest, this.nowMs);
  }

  advance(byMs: number): void {
    this.nowMs += byMs;
    this.roster.expire(this.nowMs);
  }
}

describe('the peers of a node that joins', () => {
  it('stay those that it was configured with until its log names a member, whatever it is told', () => {
    const subject = new Subject(NOBODY);
    subject.roster.told(ALL);
    subject.advance(2 * KEPT_MS);
    expect(subject.shown).toEqual([]);
    subject.roster.look(ALL, subject.nowMs);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2, N3]);
  });

  it('are told nothing by a node that knows no member', () => {
    const subject = new Subject(NOBODY);
    subject.roster.leaderChanged(N2);
    subject.roster.answer(N3);
    expect(subject.sent).toEqual([]);
  });
});

describe('the peers of a member', () => {
  it('stay when it gives up its history, and knows nobody by its log any more', () => {
    const subject = new Subject(ALL);
    subject.roster.look(NOBODY, subject.nowMs);
    subject.roster.told({ voters: [N1, N2], votersOutgoing: [], learners: [] });
    subject.advance(2 * KEPT_MS);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2, N3]);
  });

  it('that it was told of are forgotten when they do not turn out to lead, and asked for again', () => {
    const subject = new Subject({ voters: [N1, N2], votersOutgoing: [], learners: [] });
    subject.roster.told(ALL);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2, N3]);
    subject.advance(KEPT_MS);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2]);
    expect(subject.sent).toContainEqual({ to: N2, message: { type: 'membersWanted' } });
  });

  it('are those of its settings as well while it hears no leader: all that its log names may have gone', () => {
    const subject = new Subject(ALL, [N1, N4]);
    subject.advance(ASK_INTERVAL_MS);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2, N3, N4]);
    subject.roster.leaderChanged(N2);
    subject.advance(KEPT_MS);
    expect(subject.shown.at(-1)?.map(({ id }) => id)).toEqual([N2, N3]);
  });

  it('of its settings are looked for where it was told last that they are, until nobody says so any more', () => {
    const subject = new Subject(ALL, [N1, N4]);
    const addressOfN4 = (): unknown => subject.shown.at(-1)?.find(({ id }) => id === N4)?.address;
    subject.roster.told({ ...ALL, learners: [N4], addresses: { n4: 'http://n4.example:1' } });
    subject.advance(ASK_INTERVAL_MS);
    expect(addressOfN4()).toBe('http://n4.example:1');
    subject.advance(KEPT_MS);
    subject.advance(ASK_INTERVAL_MS);
    expect(addressOfN4()).toBeNull();
  });
});
