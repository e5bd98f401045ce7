/**
 * How the tender reports that it cannot go on.
 *
 * @module
 */

/** What every line on standard error starts with, and the first word of `--version`. */
export const PROGRAM_NAME = "albatross tender";

/**
 * The tender cannot run this guest, or cannot go on running it: it ends with status 1.
 *
 * `message` is a line for standard error, without the program's name.
 */
export class TenderError extends Error {
  override readonly name = "TenderError";
  /** Whether the usage text follows. */
  readonly usage: boolean;

  constructor(message: string, options: { readonly usage?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.usage = options.usage ?? false;
  }
}
