import type { World } from './world.js';

/** One command of the language. @throws Error for words that it does not understand */
export type Command = (world: World, words: readonly string[]) => void;

export type CommandTable = Readonly<Record<string, Command>>;

/** Refuses what it would not look at: a word too many is a mistake. */
export function upTo(count: number, command: Command): Command {
  return (world, words) => {
    if (words.length > count) throw new Error(`cannot understand ${words.slice(count).join(' ')}`);
    command(world, words);
  };
}

/** `on` and `off` and the like. */
export function oneOf<Word extends string>(word: string | undefined, ...allowed: readonly Word[]): Word {
  const found = allowed.find((each) => each === word);
  if (found === undefined) throw new Error(`expected ${allowed.join(' or ')}, got ${word ?? 'nothing'}`);
  return found;
}

export function numberFrom(word: string | undefined): number {
  const value = Number(word);
  if (word === undefined || word === '' || !Number.isFinite(value)) {
    throw new Error(`expected a number, got ${word ?? 'nothing'}`);
  }
  return value;
}
