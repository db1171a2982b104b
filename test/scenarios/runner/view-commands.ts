import type { NodeId, RaftStatus } from '@latchkey/raft';
import { everybody } from './cluster-commands.js';
import { type CommandTable, upTo } from './command.js';
import { entriesText, membershipText, positionText } from './entry-text.js';
import { nodeNamed, type World } from './world.js';

/** What a scenario lets the reader look at. Nothing happens by it. */
export const VIEW_COMMANDS: CommandTable = {
  /** `status [n1 n2]`: role, term, vote and how far everything is. */
  status(world, words) {
    addTable(
      world,
      everybody(world, words).map((id) => statusRow(world, id)),
    );
  },

  /** `members [n1 n2]`: the latest membership of each log. */
  members(world, words) {
    const rows = everybody(world, words).map((id) => {
      const status = world.node(id).status;
      return [id, status === null ? 'down' : membershipText(status.membership)];
    });
    addTable(world, rows);
  },

  /** `log [n1 n2]`: the entries on disk. */
  log(world, words) {
    const rows = everybody(world, words).map((id) => {
      const { base, entries } = world.node(id).disk.log;
      const start = base.index === 0 ? '' : `from ${positionText(base)} on: `;
      return [id, `${start}${entriesText(entries) || 'empty'}`];
    });
    addTable(world, rows);
  },

  /** `disk-state n1`: hard state, log and checkpoint on disk. */
  'disk-state'(world, words) {
    const rows = everybody(world, words).map((id) => {
      const { hardState, log, checkpoint } = world.node(id).disk;
      const { currentTerm, votedFor } = hardState;
      return [
        id,
        `term ${currentTerm}`,
        `vote ${votedFor ?? 'none'}`,
        `log ${log.base.index + 1}..${log.lastIndex}`,
        `checkpoint ${checkpoint === null ? 'none' : positionText(checkpoint.meta)}`,
      ];
    });
    addTable(world, rows);
  },

  /** `progress n1`: how far its peers are, as this leader knows. */
  progress: upTo(1, (world, [id]) => {
    const { status } = world.node(nodeNamed(id));
    if (status?.role !== 'leader') throw new Error(`${id} does not lead`);
    const rows = status.progress.map(({ peer, state, matchIndex, nextIndex, inFlightAppends, recentlyActive }) => [
      peer,
      state,
      `match ${matchIndex}`,
      `next ${nextIndex}`,
      `in flight ${inFlightAppends}`,
      recentlyActive ? 'active' : 'silent',
    ]);
    addTable(world, rows);
  }),
};

function statusRow(world: World, id: NodeId): string[] {
  const { status } = world.node(id);
  return status === null ? [id, 'down'] : [id, ...statusCells(status)];
}

function statusCells(status: RaftStatus): string[] {
  const { role, currentTerm, votedFor, leaderId, firstLogIndex, lastLogIndex, commitIndex, lastApplied } = status;
  const cells = [
    role,
    `term ${currentTerm}`,
    `vote ${votedFor ?? 'none'}`,
    `leader ${leaderId ?? 'none'}`,
    firstLogIndex > lastLogIndex ? `log ends at ${lastLogIndex}` : `log ${firstLogIndex}..${lastLogIndex}`,
    `commit ${commitIndex}`,
    `applied ${lastApplied}`,
  ];
  if (status.snapshotIndex > 0) cells.push(`checkpoint ${status.snapshotIndex}`);
  if (status.transferTarget !== null) cells.push(`hands over to ${status.transferTarget}`);
  return cells;
}

function addTable(world: World, rows: readonly (readonly string[])[]): void {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  for (const row of rows) {
    world.transcript.add(
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widthOf(column)))).join('  '),
    );
  }
}
