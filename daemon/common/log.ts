/**
 * Log lines of a daemon, on standard output: `albatross-console: [INFO] text`.
 *
 * @module
 */

/** From silent to talkative. */
export const LOG_LEVELS = ["quiet", "error", "warning", "info", "debug"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** The level unless flags say otherwise. */
export const DEFAULT_LOG_LEVEL: LogLevel = "warning";

/** Bytes that may wait for a reader of standard output; lines beyond are counted instead. */
export const LOG_QUEUE_MAX = 1024 * 1024;

export interface Log {
  error(text: string): void;
  warning(text: string): void;
  info(text: string): void;
  debug(text: string): void;
  /** Whether lines of `level` are written: saves making them. */
  enabled(level: LogLevel): boolean;
}

/** Where lines go. Standard output is one. */
export interface LogOutput {
  write(text: string): unknown;
  /** Bytes not yet taken. */
  readonly writableLength: number;
}

const tags = { error: "ERROR", warning: "WARNING", info: "INFO", debug: "DEBUG" } as const;
const colors = { error: "31", warning: "33", info: "34", debug: "32" } as const;

/** Everything that could break a line or drive a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
const unprintable = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Makes a log.
 *
 * @param program the name in front of every line
 */
export function createLog(program: string, level: LogLevel, output: LogOutput, color = false): Log {
  const rank = LOG_LEVELS.indexOf(level);
  let lost = 0;
  const write = (tag: keyof typeof tags, text: string) => {
    if (LOG_LEVELS.indexOf(tag) > rank) return;
    if (output.writableLength > LOG_QUEUE_MAX) {
      lost++;
      return;
    }
    const shown = color ? `\u001b[${colors[tag]}m${tags[tag]}\u001b[m` : tags[tag];
    if (lost > 0) {
      output.write(`${program}: [WARNING] ${lost} log lines were lost: nobody read them\n`);
      lost = 0;
    }
    const safe = text.replace(unprintable, (character) => (character === "\n" ? " " : "\ufffd"));
    output.write(`${program}: [${shown}] ${safe}\n`);
  };
  return {
    error: (text) => write("error", text),
    warning: (text) => write("warning", text),
    info: (text) => write("info", text),
    debug: (text) => write("debug", text),
    enabled: (asked) => LOG_LEVELS.indexOf(asked) <= rank,
  };
}

/** How many lines were logged. */
export interface LogCounts {
  readonly warnings: number;
  readonly errors: number;
}

/** Counts the warnings and errors of a log. */
export function countLines(log: Log): { readonly log: Log; readonly counts: LogCounts } {
  const counts = { warnings: 0, errors: 0 };
  const counting: Log = {
    ...log,
    error(text) {
      counts.errors++;
      log.error(text);
    },
    warning(text) {
      counts.warnings++;
      log.warning(text);
    },
  };
  return { log: counting, counts };
}
