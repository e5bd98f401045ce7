/**
 * Prints tables on the terminal.
 *
 * @module
 */
import { terminalColumns } from "../../runtime/terminal-size.ts";
import type { Context } from "../context.ts";
import { isTerminal } from "../style.ts";
import { type Column, renderTable } from "./table.ts";

/** Where a terminal does not tell its size. */
const USUAL_COLUMNS = 80;

/** A table without a line end: as wide as the terminal at most, or as it needs where there is none. */
export function tableText(context: Context, columns: readonly Column[]): string {
  const width = isTerminal(1) ? (terminalColumns(1) ?? USUAL_COLUMNS) : Number.POSITIVE_INFINITY;
  return renderTable(columns, width, context.colored()).join("\n");
}

/** Prints a table. */
export function showTable(context: Context, columns: readonly Column[]): void {
  context.print(`${tableText(context, columns)}\n`);
}
