import { describe, expect, it } from 'vitest';
import { LoneNode } from '../../libs/raft/src/test-support/lone-node.js';
import {
  appendRequest,
  commandEntry,
  hardState,
  N2,
  voteResponse,
} from '../../libs/raft/src/test-support/raft-builders.js';

const OLD_TERM = 1;
const NEW_TERM = 5;

/** "If one server's current term is smaller than the other's, then it updates its current term to the larger value." */
describe('terms, Raft §5.1', () => {
  it('a follower that sees a higher term adopts it, durably before it answers', () => {
    const node = new LoneNode({ hardState: hardState(OLD_TERM) });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: NEW_TERM }));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: NEW_TERM, leaderId: N2 });
    expect(node.takeSent()).toEqual([]);
    node.completeWrites();
    expect(node.savedHardState).toEqual(hardState(NEW_TERM));
    expect(node.takeSent()).toMatchObject([{ to: N2, message: { type: 'appendAccepted', term: NEW_TERM } }]);
  });

  it('a candidate that sees a higher term adopts it and becomes a follower', () => {
    const node = new LoneNode({ hardState: hardState(OLD_TERM) });
    node.becomeCandidate();
    expect(node.status.role).toBe('candidate');
    node.receive(N2, voteResponse(NEW_TERM, false));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: NEW_TERM, votedFor: null, leaderId: null });
  });

  it('a leader that sees a higher term adopts it and steps down', () => {
    const node = new LoneNode({ hardState: hardState(OLD_TERM) });
    node.becomeLeader();
    expect(node.status.role).toBe('leader');
    node.receive(N2, appendRequest({ term: NEW_TERM }));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: NEW_TERM, leaderId: N2 });
  });

  it('a request with a stale term is refused, and teaches its sender the present one', () => {
    const node = new LoneNode({ hardState: hardState(NEW_TERM) });
    node.receive(N2, appendRequest({ term: OLD_TERM, entries: [commandEntry(1, OLD_TERM)] }));
    expect(node.status).toMatchObject({ currentTerm: NEW_TERM, leaderId: null, lastLogIndex: 0 });
    expect(node.takeSent()).toMatchObject([{ to: N2, message: { type: 'appendRejected', term: NEW_TERM } }]);
  });
});
