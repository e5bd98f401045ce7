/**
 * Messages of the program, by level. Replies are messages, too, on a level of their own (client.md 2 and 7).
 *
 * @module
 */
import { type ByteString, fromText, toText } from "../core/byte-string.ts";
import type { Verbosity } from "./values.ts";

/** Where messages go; each method prints complete lines. */
export interface Log {
  /** Nothing is printed at all. */
  readonly quiet: boolean;
  /** Unikernels are shown with their arguments. */
  readonly debug: boolean;
  /** Replies: no prefix; hidden by `quiet` only. */
  reply(text: ByteString): void;
  error(text: ByteString): void;
  warning(text: ByteString): void;
}

/** What decides about messages. */
export interface LogOptions {
  readonly programName: string;
  readonly verbosity: Verbosity;
  /** Whether the level words are coloured. Asked only when there is one to print. */
  colored(): boolean;
  /** Whether messages go to a terminal: nothing in them may drive it then. Elsewhere they stay as they are. */
  onTerminal(): boolean;
  /** Writes to where messages go: standard output, as in the original, or standard error beside JSON. */
  write(text: ByteString): void;
}

const order: readonly Verbosity[] = ["quiet", "error", "warning", "info", "debug"];

/** The level that the logging options choose: `-q` wins, then `--verbosity`, then the number of `-v`. */
export function chooseVerbosity(options: {
  readonly quiet: boolean;
  readonly verbosity: Verbosity | undefined;
  readonly verbose: number;
}): Verbosity {
  if (options.quiet) return "quiet";
  if (options.verbosity !== undefined) return options.verbosity;
  return options.verbose === 0 ? "warning" : options.verbose === 1 ? "info" : "debug";
}

/** What terminals obey: all but line ends, tabs, and the colours in which we show things ourselves; none that hides a text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
const controls = /\u001b(?!\[(?:0?[0-4]|3[0-7])?m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;

/** Other controls of terminals, in UTF-8; or as they are, in what is none. */
const [encodedControls, bareControls] = [/\u00c2[\u0080-\u009f]/g, /[\u0080-\u009f]/g];

/** Replies have texts of others in them, e.g. arguments of a tenant's unikernel. */
export function harmless(text: ByteString): ByteString {
  const further = toText(text) === undefined ? bareControls : encodedControls;
  return text.replaceAll(controls, "?").replaceAll(further, "?") as ByteString;
}

/** A log of the original's form: `albatross-client: [WARNING] text`. */
export function createLog(options: LogOptions): Log {
  const name = fromText(options.programName);
  const safe = (text: ByteString) => (options.onTerminal() ? harmless(text) : text);
  const level = order.indexOf(options.verbosity);
  const labelled = (at: Verbosity, word: string, color: string) => (text: ByteString) => {
    if (level < order.indexOf(at)) return;
    const shown = options.colored() ? `\x1b[${color}m${word}\x1b[0m` : word;
    options.write(`${name}: [${shown}] ${safe(text)}\n` as ByteString);
  };
  return {
    quiet: options.verbosity === "quiet",
    debug: options.verbosity === "debug",
    reply(text) {
      if (level > 0) options.write(`${safe(text)}\n` as ByteString);
    },
    error: labelled("error", "ERROR", "31"),
    warning: labelled("warning", "WARNING", "33"),
  };
}
