/**
 * Prints tables on the terminal.
 *
 * @module
 */
import { terminalColumns } from "../../runtime/terminal-size.ts";
import type { Context } from "../context.ts";
import { type Column, renderTable } from "./table.ts";

/** Where a terminal does not tell its size. */
const USUAL_COLUMNS = 80;

/** Prints a table, as wide as the terminal at most. */
export function showTable(context: Context, columns: readonly Column[]): void {
  const width = terminalColumns(1) ?? USUAL_COLUMNS;
  context.print(
    renderTable(columns, width, context.colored())
      .map((line) => `${line}\n`)
      .join(""),
  );
}
