import { describe, expect, it } from 'vitest';
import { ENTRY_OVERHEAD_BYTES } from './entry-size.js';
import { LoneNode } from './test-support/lone-node.js';
import { appendAccepted, appendRequest, N2 } from './test-support/raft-builders.js';

const PAYLOAD_BYTES = 84;
const ENTRY_BYTES = PAYLOAD_BYTES + ENTRY_OVERHEAD_BYTES;
const ROOM_FOR = 3;
const payload = (entries = 1): Uint8Array => new Uint8Array(entries * ENTRY_BYTES - ENTRY_OVERHEAD_BYTES);

/** Has room for three entries. */
function leader(): LoneNode {
  const node = new LoneNode({ config: { maxUncommittedBytes: ROOM_FOR * ENTRY_BYTES } });
  node.becomeLeader();
  node.receive(N2, appendAccepted(1, 1));
  node.outcomes.length = 0;
  return node;
}

const refusal = (id: number, reason: string) => ({ type: 'proposalRefused', proposalId: id, reason });
const appended = (id: number, index: number) => ({ type: 'proposalAppended', proposalId: id, index, term: 1 });

describe('proposals', () => {
  it('get their places in order, in one write', () => {
    const node = leader();
    node.autoPersist = false;
    node.propose(payload(), payload());
    expect(node.outcomes).toEqual([appended(1, 2), appended(2, 3)]);
    expect(node.pendingWrites).toMatchObject([{ hardState: null, truncateFrom: null, entries: { length: 2 } }]);
  });

  it('are refused by one who does not lead', () => {
    const node = new LoneNode();
    node.propose(payload(), payload());
    expect(node.outcomes).toEqual([refusal(1, 'notLeader'), refusal(2, 'notLeader')]);
    node.receive(N2, appendRequest({ term: 1 }));
    node.propose(payload());
    expect(node.outcomes.at(-1)).toEqual(refusal(3, 'notLeader'));
  });

  it('are refused while too much is uncommitted, and taken again when it is committed (FAILURE-MODES 24)', () => {
    const node = leader();
    node.propose(payload(), payload(), payload(), payload());
    expect(node.outcomes.at(-1)).toEqual(refusal(4, 'overloaded'));
    expect(node.status.lastLogIndex).toBe(1 + ROOM_FOR);
    node.outcomes.length = 0;
    node.receive(N2, appendAccepted(1, 3));
    node.propose(payload(), payload(), payload());
    expect(node.outcomes).toEqual([appended(5, 5), appended(6, 6), refusal(7, 'overloaded')]);
  });

  it('take no more room at a leader that is cut off than the limit, however many come (TestRawNodeBoundedLogGrowth)', () => {
    const node = leader();
    for (let round = 0; round < 1_000; round += 1) node.propose(payload());
    expect(node.status.lastLogIndex).toBe(1 + ROOM_FOR);
    expect(node.outcomes.filter(({ type }) => type === 'proposalRefused')).toHaveLength(1_000 - ROOM_FOR);
  });

  it('do not overtake one that was refused for lack of room', () => {
    const node = leader();
    node.propose(payload(2), payload(2), payload(1));
    expect(node.outcomes).toEqual([appended(1, 2), refusal(2, 'overloaded'), refusal(3, 'overloaded')]);
  });

  it('are refused for good when they could never fit, and the others go on', () => {
    const node = leader();
    node.propose(payload(ROOM_FOR + 1), payload());
    expect(node.outcomes).toEqual([refusal(1, 'tooLarge'), appended(2, 2)]);
  });

  it('of nothing change nothing', () => {
    expect(leader().propose()).toEqual([]);
  });
});
