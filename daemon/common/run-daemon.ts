/**
 * The frame of a daemon: command line, log, signals, exit status.
 *
 * @module
 */

import { VERSION } from "../../core/version.ts";
import { PROTOCOL_VERSION } from "../../core/wire/message.ts";
import { logFlags, logLevelOf } from "./daemon-flags.ts";
import { type Flag, type Flags, type FlagValues, helpText, parseFlags, UsageError, usageLine } from "./flags.ts";
import { createLog, type Log } from "./log.ts";

/** Exit status of a wrong command line. */
export const EXIT_USAGE = 124;

/** Exit status of an unexpected error, e.g. a socket that cannot be bound. */
export const EXIT_FAILURE = 125;

export interface DaemonDefinition<F extends Flags> {
  readonly program: string;
  /** One sentence for the help. */
  readonly summary: string;
  /** Its own flags; help, version and those of the log are added. */
  readonly flags: F;
}

export interface DaemonContext {
  readonly log: Log;
  /** Resolves with the signal that asks for an orderly end: SIGTERM, SIGINT or SIGHUP. */
  readonly stopped: Promise<NodeJS.Signals>;
}

const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

const optional = (name: string, help: string): Flag<boolean> => ({
  names: [name],
  placeholder: "[FMT]",
  help,
  read: (values) => values.length > 0,
});

const generalFlags = {
  ...logFlags,
  help: optional("--help", "Show this help."),
  version: { ...optional("--version", "Show the version."), placeholder: undefined },
};

/**
 * Runs a daemon: parses `args`, then calls `main`, whose result is the exit status. When it returns or throws, signal
 * handlers are removed again.
 *
 * @returns the exit status: what `main` gives, {@link EXIT_USAGE}, or {@link EXIT_FAILURE} if it throws
 */
export async function runDaemon<F extends Flags>(
  definition: DaemonDefinition<F>,
  args: readonly string[],
  main: (values: FlagValues<F>, context: DaemonContext) => Promise<number>,
): Promise<number> {
  const { program, summary, flags } = definition;
  const all = { ...flags, ...generalFlags };
  let values: FlagValues<F> & FlagValues<typeof generalFlags>;
  try {
    const parsed = parseFlags(all, args);
    const [extra] = parsed.positional;
    values = parsed.values as FlagValues<F> & FlagValues<typeof generalFlags>;
    if (extra !== undefined) throw new UsageError(`too many arguments, don't know what to do with ${extra}`);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (args.some((word) => word === "--help" || word.startsWith("--help="))) {
      process.stdout.write(helpText(program, summary, all)); // asked for help, even if the rest is wrong
      return 0;
    }
    process.stderr.write(`${usageLine(program)}\n${program}: ${error.message}\n`);
    return EXIT_USAGE;
  }
  if (values.help) {
    process.stdout.write(helpText(program, summary, all));
    return 0;
  }
  if (values.version) {
    process.stdout.write(`version ${VERSION} protocol version ${PROTOCOL_VERSION}\n`);
    return 0;
  }
  const color = values.color === "always" || (values.color === "auto" && process.stdout.isTTY === true);
  process.stdout.on("error", ignoreLostOutput);
  const log = createLog(program, logLevelOf(values), process.stdout, color);
  const { promise: stopped, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of stopSignals) process.on(signal, resolve);
  try {
    return await main(values, { log, stopped });
  } catch (error) {
    process.stderr.write(`${program}: internal error, uncaught exception:\n  ${describe(error)}\n`);
    return EXIT_FAILURE;
  } finally {
    for (const signal of stopSignals) process.off(signal, resolve);
    process.stdout.off("error", ignoreLostOutput);
  }
}

/** Whoever read the log has gone: a daemon serves on without it. */
function ignoreLostOutput(): void {}

/** The message of an error and of its causes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}\n  because: ${describe(error.cause)}` : error.message;
}
