/**
 * Tables for people, fitted to a width.
 *
 * @module
 */

/** Between two columns. */
const GAP = "  ";

/** What a shortened cell ends in. */
const CUT = "…";

/** The narrowest that a column is shortened to. */
const NARROWEST = 8;

/** A column of a table. */
export interface Column {
  readonly head: string;
  /** The text of each row; control characters are shown as blanks. */
  readonly cells: readonly string[];
  /** Aligned to the right: for numbers. */
  readonly right?: true;
  /** May be shortened if there is no room; the others are left out then, the last one first, but never the first one. */
  readonly flexible?: true;
  /** The SGR code of a cell's colour. */
  readonly color?: (cell: string) => number | undefined;
}

/**
 * Lines of a table: the heads and the rows. Columns without any text are left out.
 *
 * @param width columns of the terminal
 * @param colored whether escape sequences may be used
 */
export function renderTable(columns: readonly Column[], width: number, colored: boolean): readonly string[] {
  const fitted = fit(
    columns
      .filter((column, at) => at === 0 || column.cells.some((cell) => cell !== ""))
      .map((column) => ({ ...column, cells: column.cells.map(printable) })),
    width,
  );
  const rows = fitted[0]?.column.cells.length ?? 0;
  const lines = [line(fitted, ({ head }) => head, colored ? () => 1 : () => undefined)];
  for (let row = 0; row < rows; row++) {
    const text = (column: Column) => column.cells[row] ?? "";
    lines.push(line(fitted, text, colored ? (column) => column.color?.(text(column)) : () => undefined));
  }
  return lines;
}

interface Fitted {
  readonly column: Column;
  readonly width: number;
}

function fit(columns: readonly Column[], width: number): readonly Fitted[] {
  const natural = columns.map((column) => ({
    column,
    width: Math.max(column.head.length, ...column.cells.map(length)),
  }));
  let kept = natural;
  while (kept.length > 1 && least(kept) > width) {
    const last = kept.findLastIndex(({ column }, at) => at > 0 && column.flexible !== true);
    kept = kept.toSpliced(last < 0 ? kept.length - 1 : last, 1);
  }
  let excess = total(kept.map((each) => each.width)) - width;
  return kept.map((each) => {
    if (excess <= 0 || each.column.flexible !== true) return each;
    const less = Math.max(Math.min(each.width, NARROWEST), each.width - excess);
    excess -= each.width - less;
    return { ...each, width: less };
  });
}

/** The width with everything shortened that may be. */
function least(columns: readonly Fitted[]): number {
  return total(columns.map(({ column, width }) => (column.flexible ? Math.min(width, NARROWEST) : width)));
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
}

function line(
  columns: readonly Fitted[],
  textOf: (column: Column) => string,
  colorOf: (column: Column) => number | undefined,
): string {
  return columns
    .map(({ column, width }) => {
      const whole = textOf(column);
      const text = length(whole) > width ? `${[...whole].slice(0, width - 1).join("")}${CUT}` : whole;
      const blanks = " ".repeat(width - length(text));
      const color = colorOf(column);
      const painted = color === undefined || text === "" ? text : `\x1b[${color}m${text}\x1b[0m`;
      return column.right ? blanks + painted : painted + blanks;
    })
    .join(GAP)
    .trimEnd();
}

function length(text: string): number {
  return [...text].length;
}

/** What comes from elsewhere must not move the cursor, or do worse. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
