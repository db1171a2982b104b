const KEY_WIDTH = 12;

/**
 * What happened, for people: what a node is told stands at the margin, what it does about it below, indented. A key comes
 * first, so that the rest is aligned.
 */
export class Transcript {
  private lines: string[] = [];
  /** Lines are dropped while this is set. */
  isQuiet = false;

  /** Something that a node is told. Printed with its consequences, or not at all if `onlyWithConsequences` finds none. */
  readonly happened = (key: string, text: string): void => this.add(aligned(key, text));

  readonly caused = (key: string, text: string): void => this.add(aligned(`  ${key}`, text));

  readonly add = (line: string): void => {
    if (!this.isQuiet) this.lines.push(line.trimEnd());
  };

  take(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }
}

function aligned(key: string, text: string): string {
  return `${key.padEnd(KEY_WIDTH - 1)} ${text}`;
}
