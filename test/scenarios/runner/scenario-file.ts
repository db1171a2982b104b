/** Commands, and what they caused when the file was last rewritten. */
export type Block = {
  readonly type: 'block';
  /** Of the first command, from 1 on. */
  readonly line: number;
  readonly commands: readonly string[];
  readonly transcript: readonly string[];
};

export type Remark = { readonly type: 'remark'; readonly lines: readonly string[] };

const SEPARATOR = '----';

/**
 * A scenario in order: remarks (lines that begin with `#`) and blocks. A block is command lines, `----`, the transcript,
 * and ends with an empty line.
 * @throws Error for a block without a separator, with its line
 */
export function parseScenario(text: string): (Remark | Block)[] {
  const lines = text.split('\n');
  const parts: (Remark | Block)[] = [];
  let position = 0;
  const takeWhile = (isTaken: (line: string) => boolean): string[] => {
    const from = position;
    while (position < lines.length && isTaken(lines[position] ?? '')) position += 1;
    return lines.slice(from, position);
  };
  for (;;) {
    takeWhile(isEmpty);
    if (position >= lines.length) return parts;
    const line = position + 1;
    const remark = takeWhile(isRemark);
    if (remark.length > 0) {
      parts.push({ type: 'remark', lines: remark });
      continue;
    }
    const commands = takeWhile((each) => !isEmpty(each) && !isRemark(each) && each !== SEPARATOR);
    if (lines[position] !== SEPARATOR) throw new Error(`line ${line}: the commands do not end with ${SEPARATOR}`);
    position += 1;
    const transcript = takeWhile((each) => !isEmpty(each));
    parts.push({ type: 'block', line, commands, transcript });
  }
}

/** The inverse of `parseScenario`; empty lines are normalised. */
export function printScenario(parts: readonly (Remark | Block)[]): string {
  const texts = parts.map((part) => {
    const lines = part.type === 'remark' ? part.lines : [...part.commands, SEPARATOR, ...part.transcript];
    // A remark stands right above the commands it explains.
    return `${lines.join('\n')}\n${part.type === 'remark' ? '' : '\n'}`;
  });
  return `${texts.join('').trimEnd()}\n`;
}

function isEmpty(line: string): boolean {
  return line.trim() === '';
}

function isRemark(line: string): boolean {
  return line.startsWith('#');
}
