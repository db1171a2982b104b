import { InvalidArgumentError } from 'commander';

/** @throws commander's InvalidArgumentError, which names the option */
export function parseRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('A revision is a whole number.');
  return Number(text);
}
