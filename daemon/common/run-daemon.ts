/**
 * The frame of a daemon: command line, log, signals, exit status.
 *
 * @module
 */

import { versionText } from "../../core/version.ts";
import { feedWatchdog, notifySystemd } from "../../host/systemd.ts";
import type { Attached } from "../../plugins/attached.ts";
import type { PluginKind } from "../../plugins/plugin.ts";
import { compileAsUsual, compileReluctantly } from "../../runtime/compilation.ts";
import { StandardOutput } from "../../runtime/standard-output.ts";
import { logFlags, logLevelOf } from "./daemon-flags.ts";
import { type Flag, type Flags, type FlagValues, helpText, parseFlags, UsageError, usageLine } from "./flags.ts";
import { countLines, createLog, type Log, type LogCounts, type LogOutput } from "./log.ts";
import { pluginFlag, startPlugins } from "./plugins.ts";
import { openSyslog, SyslogError } from "./syslog.ts";

/** Exit status of a wrong command line. */
export const EXIT_USAGE = 124;

/** Exit status of an unexpected error, e.g. a socket that cannot be bound. */
export const EXIT_FAILURE = 125;

/** Exit status if the log was asked to go to the local syslog, and that is not there. */
export const EXIT_NO_SYSLOG = 2;

export interface DaemonDefinition<F extends Flags> {
  readonly program: string;
  /** One sentence for the help. */
  readonly summary: string;
  /** Its own flags; help, version and those of the log are added. */
  readonly flags: F;
  /** The names of the words that must follow the flags; none unless given. */
  readonly operands?: readonly string[];
  /** Whether SIGHUP is for {@link DaemonContext.onHangup}; otherwise it ends the daemon. */
  readonly takesHangup?: boolean;
  /** Whether standard output and error belong to something else, so that nothing may be written there. */
  readonly isMute?: (values: FlagValues<F>) => boolean;
  /** What it uses of plugins; nothing unless given. */
  readonly plugins?: readonly PluginKind[];
}

export interface DaemonContext {
  readonly log: Log;
  /** What was given for the operands, one for each. */
  readonly operands: readonly string[];
  /** Lines logged so far, also those that the level hides. */
  readonly logged: LogCounts;
  /** Whether log lines go to the local syslog, and whether there are none. */
  readonly logging: { readonly syslog: boolean; readonly quiet: boolean };
  /** Resolves with the signal that asks for an orderly end: SIGTERM, SIGINT, SIGQUIT or, unless it is taken, SIGHUP. */
  readonly stopped: Promise<NodeJS.Signals>;
  /** Call it when this daemon serves: systemd is told, and code that runs often is compiled from now on. */
  ready(): void;
  /** Sets what a SIGHUP does; one that came before is made up for. */
  onHangup(action: () => void): void;
  /** What plugins add to this daemon. */
  readonly plugins: Attached;
}

const optional = (name: string, help: string): Flag<boolean> => ({
  names: [name],
  placeholder: "[FMT]",
  help,
  read: (values) => values.length > 0,
});

/** The flags that every daemon has. */
export const generalFlags = {
  ...logFlags,
  plugin: pluginFlag,
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
  const { program, summary, flags, operands = [] } = definition;
  compileReluctantly();
  const usage = operands.join(" ");
  const all = { ...flags, ...generalFlags };
  let values: FlagValues<F> & FlagValues<typeof generalFlags>;
  let given: readonly string[];
  try {
    const parsed = parseFlags(all, args);
    given = parsed.positional;
    const extra = given[operands.length];
    values = parsed.values as FlagValues<F> & FlagValues<typeof generalFlags>;
    if (extra !== undefined) throw new UsageError(`too many arguments, don't know what to do with ${extra}`);
    const missing = operands.slice(given.length);
    if (missing.length > 0 && !values.help && !values.version) {
      throw new UsageError(`required argument${missing.length > 1 ? "s" : ""} ${missing.join(", ")} missing`);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (args.some((word) => word === "--help" || word.startsWith("--help="))) {
      process.stdout.write(helpText(program, summary, all, usage)); // asked for help, even if the rest is wrong
      return 0;
    }
    process.stderr.write(`${usageLine(program, usage)}\n${program}: ${error.message}\n`);
    return EXIT_USAGE;
  }
  if (values.help) {
    process.stdout.write(helpText(program, summary, all, usage));
    return 0;
  }
  if (values.version) {
    process.stdout.write(versionText(values.verbose > 0));
    return 0;
  }
  const standardOutput = new StandardOutput();
  const color = values.color === "always" || (values.color === "auto" && standardOutput.isTerminal);
  const mute = definition.isMute?.(values) === true;
  let output: LogOutput = mute ? { write: () => undefined, writableLength: 0 } : standardOutput;
  if (values.syslog) {
    try {
      output = openSyslog(program);
    } catch (error) {
      if (!(error instanceof SyslogError)) throw error;
      if (!mute) process.stderr.write(`ERROR: couldn't install syslog reporter: ${error.message}\n`);
      return EXIT_NO_SYSLOG;
    }
  }
  const { log, counts } = countLines(createLog(program, logLevelOf(values), output, color && !values.syslog));
  const { promise: stopped, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const stopSignals = [
    "SIGTERM",
    "SIGINT",
    "SIGQUIT",
    ...(definition.takesHangup ? [] : (["SIGHUP"] as const)),
  ] as const;
  for (const signal of stopSignals) process.on(signal, resolve);
  let hangup: (() => void) | undefined;
  let missed = false;
  const hungUp = () => {
    if (hangup === undefined) missed = true;
    else hangup();
  };
  if (definition.takesHangup) process.on("SIGHUP", hungUp);
  const failed = (error: unknown) => {
    if (mute) log.error(`internal error, uncaught exception: ${describe(error)}`);
    else process.stderr.write(`${program}: internal error, uncaught exception:\n  ${describe(error)}\n`);
  };
  const plugins = await startPlugins(values.plugin, {
    program,
    kinds: definition.plugins ?? [],
    log,
    failed(error) {
      failed(error);
      process.exit(EXIT_FAILURE);
    },
  });
  const context: DaemonContext = {
    plugins: plugins.attached,
    log,
    operands: given,
    logged: counts,
    logging: { syslog: values.syslog, quiet: logLevelOf(values) === "quiet" },
    stopped,
    ready() {
      compileAsUsual();
      notifySystemd("READY=1");
    },
    onHangup(action) {
      hangup = action;
      if (missed) action();
    },
  };
  const endWatchdog = feedWatchdog();
  try {
    return await main(values, context);
  } catch (error) {
    failed(error);
    return EXIT_FAILURE;
  } finally {
    await plugins.close();
    endWatchdog?.();
    for (const signal of stopSignals) process.off(signal, resolve);
    process.off("SIGHUP", hungUp);
  }
}

/** The message of an error and of its causes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}\n  because: ${describe(error.cause)}` : error.message;
}
