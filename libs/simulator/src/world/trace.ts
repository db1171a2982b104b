import { hashOf } from './random.js';

/** One line of what happened. `node` is null for what belongs to the whole world. */
export type TraceLine = {
  readonly atMs: number;
  readonly node: string | null;
  readonly what: string;
  readonly first: number;
  readonly second: number;
  readonly detail: string;
};

type Line = { -readonly [Field in keyof TraceLine]: TraceLine[Field] };

/** Lines kept for the report of a failure. */
export const KEPT_LINES = 600;

/**
 * Everything that happened, as one hash over all lines and the last of them as text. Two runs with the same hash were
 * the same run.
 */
export class Trace {
  /** Written again and again: millions of lines must not become work for the garbage collector. */
  private readonly lines: Line[] = [];
  private even = 0x243f6a88;
  private odd = 0x85a308d3;
  private readonly hashes = new Map<string, number>();
  lineCount = 0;

  /** @param listener is given every line, for printing it at once: the object is used again */
  constructor(private readonly listener: ((line: TraceLine) => void) | null = null) {}

  note(
    atMs: number,
    node: string | null,
    what: string,
    { first = 0, second = 0, detail = '' }: LineDetails = {},
  ): void {
    const position = this.lineCount % KEPT_LINES;
    this.lineCount += 1;
    const line = (this.lines[position] ??= { atMs, node, what, first, second, detail });
    line.atMs = atMs;
    line.node = node;
    line.what = what;
    line.first = first;
    line.second = second;
    line.detail = detail;
    this.mix(Math.round(atMs * 1_000));
    this.mix(this.cachedHash(node ?? ''));
    this.mix(this.cachedHash(what));
    this.mix(first);
    this.mix(second);
    if (detail !== '') this.mix(hashOf(detail));
    this.listener?.(line);
  }

  /** 16 hex digits over every line so far. */
  get hash(): string {
    return [this.even, this.odd].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last lines, oldest first. */
  get lastLines(): readonly TraceLine[] {
    const oldest = this.lineCount % KEPT_LINES;
    return [...this.lines.slice(oldest), ...this.lines.slice(0, oldest)].map((line) => ({ ...line }));
  }

  private mix(value: number): void {
    const low = value | 0;
    const high = Math.floor(value / 2 ** 32) | 0;
    this.even = Math.imul(this.even ^ low, 0x9e3779b1);
    this.even = ((this.even << 13) | (this.even >>> 19)) ^ high;
    this.odd = Math.imul(this.odd + low, 0x85ebca6b) ^ this.even;
  }

  /** The names of nodes and of what happens are few. */
  private cachedHash(text: string): number {
    let hash = this.hashes.get(text);
    if (hash === undefined) this.hashes.set(text, (hash = hashOf(text)));
    return hash;
  }
}

type LineDetails = { readonly first?: number; readonly second?: number; readonly detail?: string };
