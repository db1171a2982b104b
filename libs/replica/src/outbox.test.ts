import { nodeId, persistId, term, type Effect } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { Outbox } from './outbox.js';
import type { PeerMessage } from './ports/peer-transport.js';

const PEER = nodeId('n2');
const MAX_WAITING = 3;

function send(number: number, afterPersist: number | null): Extract<Effect, { readonly type: 'send' }> {
  const message = { type: 'voteResponse', term: term(number), voteGranted: true } as const;
  return { type: 'send', to: PEER, message, afterPersist: afterPersist === null ? null : persistId(afterPersist) };
}

function setUp() {
  const sent: number[] = [];
  const record = (_to: unknown, message: PeerMessage): void => {
    if (message.type === 'raft') sent.push(message.message.term);
  };
  return { outbox: new Outbox({ send: record }, MAX_WAITING), sent };
}

describe('persist before send, Raft Figure 2', () => {
  it('holds a vote back until it is durable, while other messages pass', () => {
    const { outbox, sent } = setUp();
    outbox.send(send(1, 2));
    outbox.send(send(2, null));
    outbox.release(persistId(1));
    expect(sent).toEqual([2]);
    outbox.release(persistId(2));
    expect(sent).toEqual([2, 1]);
  });

  it('sends at once what names a persist that is durable already', () => {
    const { outbox, sent } = setUp();
    outbox.release(persistId(5));
    outbox.send(send(1, 5));
    expect(sent).toEqual([1]);
  });

  it('releases everything up to the durable persist, in order', () => {
    const { outbox, sent } = setUp();
    for (const number of [1, 2, 3]) outbox.send(send(number, number));
    outbox.release(persistId(2));
    expect(sent).toEqual([1, 2]);
  });

  it('drops what exceeds its limit, as a network would', () => {
    const { outbox, sent } = setUp();
    for (const number of [1, 2, 3, 4]) outbox.send(send(number, 1));
    outbox.release(persistId(1));
    expect(sent).toEqual([1, 2, 3]);
  });

  it('lets nothing out any more once it is closed', () => {
    const { outbox, sent } = setUp();
    outbox.send(send(1, 1));
    outbox.close();
    outbox.release(persistId(1));
    outbox.send(send(2, null));
    expect(sent).toEqual([]);
  });
});
