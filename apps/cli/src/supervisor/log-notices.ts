import { printable } from '../output/table.js';

/** A warning or error of a node, in short. */
export type LogNotice = { readonly level: 'warn' | 'error'; readonly message: string };

/** How a node begins the line with which it ends; that one is told together with the end. */
const LAST_WORDS = 'latchkey: ';

/** pino's numbers. */
const WARN_LEVEL = 40;
const ERROR_LEVEL = 50;

const MAX_NOTICE_CHARACTERS = 240;
/** An unfinished line longer than this is given up: a node that prints binary must not fill memory. */
const MAX_LINE_CHARACTERS = 64 * 1024;
/** A burst is cut after this many notices within the window; the rest is in the log file. */
const MAX_NOTICES_PER_WINDOW = 6;
const WINDOW_MS = 10_000;

/** Reads a node's output as it comes and picks what the person at the terminal should see. */
export class LogNotices {
  readonly #decoder = new TextDecoder();
  readonly #show: (notice: LogNotice) => void;
  readonly #plainTextLevel: 'warn' | null;
  #rest = '';
  #last: LogNotice | null = null;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #shownInWindow = 0;

  /** `plainTextLevel`: how a line that is no log record counts; null = not at all. */
  constructor(show: (notice: LogNotice) => void, plainTextLevel: 'warn' | null) {
    this.#show = show;
    this.#plainTextLevel = plainTextLevel;
  }

  /** The newest notice, whether it was shown or not: says why a node ended. */
  get last(): LogNotice | null {
    return this.#last;
  }

  /** A new run of the node: what the last one said is no reason any more. */
  reset(): void {
    this.#last = null;
    this.#rest = '';
  }

  write(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    const rest = lines.pop() ?? '';
    this.#rest = rest.length > MAX_LINE_CHARACTERS ? '' : rest;
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    if (line.startsWith(LAST_WORDS)) {
      this.#last = { level: 'error', message: shortened(line.slice(LAST_WORDS.length)) };
      return;
    }
    const notice = noticeFrom(line, this.#plainTextLevel);
    if (notice === null) return;
    this.#last = notice;
    const now = performance.now();
    if (now - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = now;
      this.#shownInWindow = 0;
    }
    this.#shownInWindow++;
    if (this.#shownInWindow <= MAX_NOTICES_PER_WINDOW) this.#show(notice);
    if (this.#shownInWindow === MAX_NOTICES_PER_WINDOW) {
      this.#show({ level: notice.level, message: 'more of this is in the log file' });
    }
  }
}

/** Null for what nobody needs to see at once. */
export function noticeFrom(line: string, plainTextLevel: 'warn' | null): LogNotice | null {
  const record = parseRecord(line);
  if (record !== null) {
    if (record.level < WARN_LEVEL) return null;
    return { level: record.level >= ERROR_LEVEL ? 'error' : 'warn', message: shortened(record.message) };
  }
  if (plainTextLevel === null || line.trim() === '' || isStackFrame(line)) return null;
  return { level: plainTextLevel, message: shortened(line.trim()) };
}

function isStackFrame(line: string): boolean {
  return /^\s+(at |\^)|^Node\.js v/.test(line);
}

function parseRecord(line: string): { readonly level: number; readonly message: string } | null {
  if (!line.startsWith('{')) return null;
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record !== 'object' || record === null || !('level' in record) || !('msg' in record)) return null;
    const level = levelNumber(record.level);
    return level === null ? null : { level, message: String(record.msg) };
  } catch {
    return null;
  }
}

function levelNumber(level: unknown): number | null {
  if (typeof level === 'number') return level;
  const named: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };
  return typeof level === 'string' ? (named[level] ?? null) : null;
}

function shortened(text: string): string {
  const clean = printable(text);
  return clean.length > MAX_NOTICE_CHARACTERS ? `${clean.slice(0, MAX_NOTICE_CHARACTERS - 1)}…` : clean;
}
