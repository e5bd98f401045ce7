/**
 * The terminal while `top` has it: a screen of its own, keys as they are pressed, and everything as before at the end.
 *
 * @module
 */
import { writeText } from "../output.ts";
import { type Action, actionsOf } from "./keys.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"; // another screen, no cursor, no wrapping
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** Where a terminal does not tell its size. */
const FALLBACK = { columns: 80, lines: 24 };

/** The terminal on standard input and output. */
export class Terminal {
  readonly #acted: (action: Action) => void;
  readonly #resized: () => void;
  #open = false;
  readonly #typed = (chunk: Buffer) => {
    for (const action of actionsOf(chunk.toString("latin1"))) this.#acted(action);
  };

  constructor(acted: (action: Action) => void, resized: () => void) {
    this.#acted = acted;
    this.#resized = resized;
  }

  /** Takes the terminal. */
  open(): void {
    this.#open = true;
    writeText(1, ENTER);
    process.stdin.setRawMode?.(true);
    process.stdin.on("data", this.#typed);
    process.stdin.resume();
    process.on("SIGWINCH", this.#resized);
  }

  get size(): { readonly columns: number; readonly lines: number } {
    const { columns, rows } = process.stdout;
    return { columns: columns || FALLBACK.columns, lines: rows || FALLBACK.lines };
  }

  /** Shows lines from the top; what was below them is cleared. */
  show(lines: readonly string[]): void {
    if (this.#open) writeText(1, `\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  }

  /** Gives the terminal back. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off("SIGWINCH", this.#resized);
    process.stdin.off("data", this.#typed);
    process.stdin.setRawMode?.(false);
    process.stdin.pause();
    writeText(1, LEAVE);
  }
}
