/** Where a command writes, and how it says its exit code. */
export type Output = {
  /** To stdout, with a line end. */
  readonly line: (text: string) => void;
  /** To stderr, with a line end. */
  readonly note: (text: string) => void;
  readonly json: (value: unknown) => void;
  readonly bytes: (value: Uint8Array) => void;
  /** The code the process ends with, once everything open is closed. */
  readonly exitWith: (code: number) => void;
};

export const processOutput: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
  bytes: (value) => void process.stdout.write(value),
  exitWith: (code) => {
    process.exitCode = code;
  },
};
