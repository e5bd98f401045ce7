/**
 * A command line that cannot be understood, or asks for something impossible: exit status 124.
 *
 * @module
 */
import { EXIT_USAGE } from "../client/exit-status.ts";
import { fill } from "./fill.ts";
import { plainStyle, type Style } from "./style.ts";

export { EXIT_USAGE };

/** An error that is reported on standard error. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The text in a style. */
  readonly render: (style: Style) => string;
  /** Whether the synopsis of the command is shown, too: for errors in the form of the command line. */
  readonly synopsis: boolean;

  constructor(render: string | ((style: Style) => string), options: { synopsis?: boolean; cause?: unknown } = {}) {
    const rendered = typeof render === "string" ? () => render : render;
    super(rendered(plainStyle), options.cause === undefined ? undefined : { cause: options.cause });
    this.render = rendered;
    this.synopsis = options.synopsis ?? false;
  }
}

/**
 * The report of a usage error, as the original lays it out: filled, further lines indented below the text.
 *
 * @param synopsis gives the usage line, without `Usage: `
 * @returns complete lines
 */
export function formatUsageError(
  error: UsageError,
  programName: string,
  synopsis: (style: Style) => string,
  style: Style,
): string {
  const usage = error.synopsis ? `${fill(synopsis(style), "Usage: ", 7)}\n` : "";
  return `${usage}${fill(error.render(style), `${programName}: `, programName.length + 2)}\n`;
}
