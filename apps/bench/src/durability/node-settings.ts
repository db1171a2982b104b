import { InvalidArgumentError } from 'commander';

/** LATCHKEY_… variables for all nodes of a measurement. */
export type NodeSettings = Readonly<Record<string, string>>;

/** One more `NAME=value`, as commander collects a repeated option. @throws InvalidArgumentError */
export function withSetting(text: string, settings: NodeSettings): NodeSettings {
  const [, name, value] = /^(LATCHKEY_[A-Z_]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be LATCHKEY_…=value.');
  return { ...settings, [name]: value };
}
