/**
 * Standard output of a daemon: for its log lines.
 *
 * `process.stdout` does the same, but loads terminals, TCP and the streams of Node, which take a sixth of the memory that
 * an idle daemon has of its own.
 *
 * @module
 */
import { fstatSync } from "node:fs";
import { libcNames, openLibrary } from "./ffi.ts";

const STANDARD_OUTPUT = 1;

/** Takes text without ever waiting for who reads it. */
export class StandardOutput {
  /** Made when there is something to write: with inetd, standard output is a connection. */
  #sink: Bun.FileSink | undefined;
  readonly #encoder = new TextEncoder();
  #waiting = 0;

  /** Bytes that the reader has not made room for yet. */
  get writableLength(): number {
    return this.#waiting;
  }

  /** Writes text, now or when there is room. If there is no reader any more, it is dropped: a daemon serves on. */
  write(text: string): void {
    const bytes = this.#encoder.encode(text);
    try {
      this.#sink ??= Bun.stdout.writer();
      const added = this.#sink.write(bytes);
      const flushed = this.#sink.flush();
      if (added instanceof Promise) added.catch(() => undefined); // the same failure as below
      if (!(flushed instanceof Promise)) return;
      this.#waiting += bytes.length;
      const settled = () => {
        this.#waiting -= bytes.length;
      };
      flushed.then(settled, settled);
    } catch {
      // nobody reads
    }
  }

  /** Whether a terminal shows it. */
  get isTerminal(): boolean {
    if (!fstatSync(STANDARD_OUTPUT).isCharacterDevice()) return false;
    return openLibrary(libcNames, { isatty: { args: ["i32"], returns: "i32" } }).isatty(STANDARD_OUTPUT) === 1;
  }
}
