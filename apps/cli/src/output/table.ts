/** One column: its heading, and how a row shows there. */
export type Column<Row> = {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /** Numbers line up on the right. */
  readonly align?: 'left' | 'right';
};

/** A cell longer than this is cut, so that one long value does not break the table. */
const MAX_CELL_CHARACTERS = 96;
const GAP = '  ';

/** Control characters would let a stored value rewrite the reader's terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- the control characters are what is meant
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function shortened(text: string): string {
  const clean = printable(text);
  return clean.length > MAX_CELL_CHARACTERS ? `${clean.slice(0, MAX_CELL_CHARACTERS - 1)}…` : clean;
}

/** Aligned columns with a heading line; no line has spaces at its end. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => shortened(column.cell(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.heading.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => {
        const width = widths[at] ?? 0;
        return columns[at]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  return [line(columns.map((column) => column.heading)), ...cells.map(line)].join('\n');
}
