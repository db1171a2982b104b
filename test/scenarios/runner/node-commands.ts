import type { Input, MembershipChange } from '@latchkey/raft';
import { oneOf, type CommandTable, upTo } from './command.js';
import { payloadOf } from './entry-text.js';
import { nodeNamed, type World } from './world.js';

/** What a single node is told, but for messages. */
export const NODE_COMMANDS: CommandTable = {
  /** `campaign n1`: the election timeout of n1, by its own clock, is over. Nobody else's time passes. */
  campaign: upTo(1, (world, [id]) => {
    if (statusOf(world, id).role === 'leader') throw new Error(`${id} leads; its next deadline is a heartbeat`);
    skip(world, id, 'campaign', 'its election timeout is over');
  }),

  /** `heartbeat n1`: the heartbeats of this leader are due. Nobody else's time passes. */
  heartbeat: upTo(1, (world, [id]) => {
    if (statusOf(world, id).role !== 'leader') throw new Error(`${id} does not lead`);
    skip(world, id, 'heartbeat', 'is due');
  }),

  /** `propose n1 a b:100`: two proposals at once, the second of 100 bytes. */
  propose(world, [id, ...payloads]) {
    const proposals = payloads.map((token) => ({ proposalId: world.nextProposalId(), data: payloadOf(token) }));
    const text = payloads.map((token, position) => `p${proposals[position]?.proposalId} ${token}`).join(', ');
    tell(world, id, { type: 'propose', proposals }, ['propose', text]);
  },

  read: upTo(1, (world, [id]) => {
    world.node(nodeNamed(id)).read(world.nextReadId());
  }),

  /** `transfer n1 n2`: n1 is asked to hand over to n2. `transfer n1`: to whom it thinks best. */
  transfer: upTo(2, (world, [id, to]) => {
    const target = to === undefined ? null : nodeNamed(to);
    tell(world, id, { type: 'transferLeadership', to: target }, ['transfer', `to ${to ?? 'the best'}`]);
  }),

  /** `change n1 add-learner n4 [address]`, `promote n4`, `demote n3`, `remove n3`, `set-voters n1 n2 n4`. */
  change(world, [id, ...words]) {
    const proposalId = world.nextProposalId();
    const input: Input = { type: 'changeMembership', proposalId, change: changeFrom(words) };
    tell(world, id, input, ['change', `p${proposalId} ${words.join(' ')}`]);
  },

  /** `commit-notices n2 off`: nobody at n2 waits for commits. */
  'commit-notices': upTo(2, (world, [id, what]) => {
    const wanted = oneOf(what, 'on', 'off') === 'on';
    tell(world, id, { type: 'commitNoticesWanted', wanted }, ['told', `commit notices ${what}`]);
  }),

  /** `peer-down n2 n1`: the connection to n1 closed, as n2 sees it. A snapshot that n2 was sending there has failed. */
  'peer-down': upTo(2, (world, [id, of]) => {
    const peer = nodeNamed(of);
    tell(world, id, { type: 'peerDown', peer }, ['peer-down', peer]);
    if (world.snapshots.delete(`${id}->${peer}`)) endTransfer(world, `${id}->${peer}`, false);
  }),

  'peer-up': upTo(2, (world, [id, of]) => {
    const peer = nodeNamed(of);
    tell(world, id, { type: 'peerUp', peer }, ['peer-up', peer]);
  }),

  /** `store-replaced n1 n4`: n1 hears that the store of n4, which has no vote, is a new one. */
  'store-replaced': upTo(2, (world, [id, of]) => {
    const peer = nodeNamed(of);
    tell(world, id, { type: 'peerStoreReplaced', peer }, ['told', `the store of ${peer} is another one`]);
  }),

  /**
   * `snapshot n1->n3 arrives`: n3 has all of it, and n1 hears so. In parts: `received` (n3 has it), `confirmed` (n1
   * hears so). `fails`: n1 gives up.
   */
  snapshot: upTo(2, (world, [link = '', what]) => {
    const transfer = world.snapshots.get(link);
    if (transfer === undefined) throw new Error(`no snapshot is on its way ${link}`);
    const [from, to] = link.split('->').map(nodeNamed);
    const verb = oneOf(what, 'arrives', 'received', 'confirmed', 'fails');
    if ((verb === 'arrives' || verb === 'received') && from !== undefined && to !== undefined) {
      world.node(to).receiveSnapshot(from, transfer.leaderTerm, transfer.image);
    }
    if (verb === 'received') return;
    world.snapshots.delete(link);
    endTransfer(world, link, verb !== 'fails');
  }),
};

function endTransfer(world: World, link: string, delivered: boolean): void {
  const [from, to] = link.split('->');
  const input: Input = { type: 'snapshotTransferEnded', peer: nodeNamed(to), delivered };
  tell(world, from, input, ['told', `the snapshot for ${to} ${delivered ? 'was delivered' : 'did not get there'}`]);
}

function tell(world: World, id: string | undefined, input: Input, [key, text]: readonly [string, string]): void {
  world.node(nodeNamed(id)).step(input, { key, text, always: true });
}

function skip(world: World, id: string | undefined, key: string, text: string): void {
  world.node(nodeNamed(id)).skipToDeadline();
  tell(world, id, { type: 'tick' }, [key, text]);
}

function statusOf(world: World, id: string | undefined): { readonly role: string } {
  const { status } = world.node(nodeNamed(id));
  if (status === null) throw new Error(`${id} is down`);
  return status;
}

function changeFrom([verb, ...words]: readonly string[]): MembershipChange {
  switch (oneOf(verb, 'add-learner', 'promote', 'demote', 'remove', 'set-voters')) {
    case 'add-learner':
      return { type: 'addLearner', node: nodeNamed(words[0]), address: words[1] ?? null };
    case 'promote':
      return { type: 'promote', node: nodeNamed(words[0]) };
    case 'demote':
      return { type: 'demote', node: nodeNamed(words[0]) };
    case 'remove':
      return { type: 'remove', node: nodeNamed(words[0]) };
    case 'set-voters':
      return { type: 'setVoters', voters: words.map(nodeNamed) };
  }
}
