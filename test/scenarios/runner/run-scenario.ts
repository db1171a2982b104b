import { CLUSTER_COMMANDS } from './cluster-commands.js';
import { NETWORK_COMMANDS } from './network-commands.js';
import { NODE_COMMANDS } from './node-commands.js';
import { parseScenario, printScenario, type Block } from './scenario-file.js';
import { VIEW_COMMANDS } from './view-commands.js';
import { World } from './world.js';

const COMMANDS = new Map(
  [CLUSTER_COMMANDS, NETWORK_COMMANDS, NODE_COMMANDS, VIEW_COMMANDS].flatMap((table) => Object.entries(table)),
);

/** Before a command: its transcript is left out. */
const QUIETLY = 'quietly';
const NOTHING_TO_TELL = 'ok';

/**
 * Runs the commands of a scenario, and gives its text with the transcripts that they have now.
 * @throws Error with the line of a command that cannot be done, or in which the core breaks a promise
 */
export function runScenario(text: string): string {
  const world = new World();
  const parts = parseScenario(text).map((part) =>
    part.type === 'remark' ? part : { ...part, transcript: runBlock(world, part) },
  );
  return printScenario(parts);
}

function runBlock(world: World, { commands, line }: Block): string[] {
  const transcript: string[] = [];
  commands.forEach((command, position) => {
    const lines = runCommand(world, command, line + position);
    if (commands.length > 1 && lines.length > 0) transcript.push(`> ${command}`);
    transcript.push(...lines);
  });
  return transcript.length === 0 ? [NOTHING_TO_TELL] : transcript;
}

function runCommand(world: World, text: string, line: number): string[] {
  const words = text.trim().split(/\s+/);
  const isQuiet = words[0] === QUIETLY;
  const [name = '', ...rest] = isQuiet ? words.slice(1) : words;
  const command = COMMANDS.get(name);
  if (command === undefined) throw new Error(`line ${line}: there is no command ${name}`);
  world.transcript.isQuiet = isQuiet;
  try {
    command(world, rest);
  } catch (cause) {
    const seen = world.transcript.take().map((each) => `\n  ${each}`);
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`line ${line}: ${text}: ${message}${seen.join('')}`, { cause });
  }
  return world.transcript.take();
}
