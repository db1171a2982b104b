import { logIndex, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { textCommand } from './test-support/recording-state-machine.js';
import { N2, type ScriptedReplica, startedReplica, watch } from './test-support/scripted-replica.js';

describe('commits that nobody awaits', () => {
  const APPEND = {
    type: 'raft',
    message: {
      type: 'appendRequest',
      term: term(3),
      prevLogIndex: logIndex(0),
      prevLogTerm: term(0),
      leaderCommit: logIndex(0),
      confirmRound: 0,
      entries: [],
    },
  } as const;
  const told = (node: ScriptedReplica) => node.core.inputsOf('commitNoticesWanted').map(({ wanted }) => wanted);

  it('are told to the core before the next append, once for each change', async () => {
    const node = await startedReplica();
    await node.receive(N2, APPEND);
    expect(told(node)).toEqual([]);
    node.applicationAwaitsCommits = false;
    await node.receive(N2, APPEND);
    await node.receive(N2, APPEND);
    node.applicationAwaitsCommits = true;
    await node.receive(N2, APPEND);
    expect(told(node)).toEqual([false, true]);
  });

  it('are awaited all the same while a proposal of this node has no outcome', async () => {
    const node = await startedReplica();
    node.applicationAwaitsCommits = false;
    await node.roleChanged('follower', 3, N2);
    watch(node.replica.propose(textCommand('forwarded')));
    await node.clock.settle();
    await node.receive(N2, APPEND);
    expect(told(node)).toEqual([]);
  });
});
