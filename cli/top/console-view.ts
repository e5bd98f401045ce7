/**
 * The console of one unikernel, as `top` shows it.
 *
 * @module
 */
import { ClientError } from "../../client/errors.ts";
import type { Name } from "../../core/name.ts";
import { escapeLine } from "../../core/print/console-line.ts";
import type { TopSource } from "./source.ts";

/** Lines that are kept to be shown. */
export const CONSOLE_LINES_MAX = 500;

/** Lines of history that are asked for. */
const HISTORY_LINES = 100;

/** Reads the console from its creation on, until it is closed. */
export class ConsoleView {
  readonly name: Name;
  readonly #abort = new AbortController();
  #lines: string[] = [];
  #end: string | undefined;

  /** @param changed called when there is something new to show */
  constructor(source: TopSource, name: Name, changed: () => void) {
    this.name = name;
    void this.#read(source, changed);
  }

  async #read(source: TopSource, changed: () => void): Promise<void> {
    try {
      for await (const line of source.console(this.name, HISTORY_LINES, this.#abort.signal)) {
        this.#lines.push(escapeLine(line));
        if (this.#lines.length > CONSOLE_LINES_MAX) this.#lines.shift();
        changed();
      }
      this.#end = "The console daemon closed the connection";
    } catch (error) {
      this.#end = error instanceof ClientError ? error.message : String(error);
    }
    if (!this.#abort.signal.aborted) changed();
  }

  /** The latest lines that fit. */
  lines(columns: number, lines: number): readonly string[] {
    const foot = this.#end ?? "Esc: back  q: quit";
    const shown = this.#lines.slice(-Math.max(1, lines - 2)).map((line) => line.slice(0, columns));
    return [`Console of ${this.name.toDisplay()}`.slice(0, columns), ...shown, foot.slice(0, columns)];
  }

  close(): void {
    this.#abort.abort();
  }
}
