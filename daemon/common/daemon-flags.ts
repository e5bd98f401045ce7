/**
 * The flags that several daemons share (packaging.md 2).
 *
 * @module
 */
import { statSync } from "node:fs";
import { type Flag, switchFlag, UsageError, valueFlag } from "./flags.ts";
import { DEFAULT_LOG_LEVEL, LOG_LEVELS, type LogLevel } from "./log.ts";

const onLinux = process.platform === "linux";

/** Where sockets, fifos and images of running unikernels lie. */
export const DEFAULT_TMPDIR = onLinux ? "/run/albatross" : "/var/run/albatross";

/** Where state and block devices lie. */
export const DEFAULT_DBDIR = onLinux ? "/var/lib/albatross" : "/var/db/albatross";

function existingDirectory(text: string): string {
  const status = statSync(text, { throwIfNoEntry: false });
  if (status === undefined) throw new UsageError(`no ${text} directory`);
  if (!status.isDirectory()) throw new UsageError(`${text} is not a directory`);
  return text.length > 1 ? text.replace(/\/+$/, "") : text;
}

/** `--tmpdir`: must exist if given. */
export const tmpdirFlag: Flag<string> = valueFlag(
  "--tmpdir",
  "DIR",
  `Directory of sockets and fifos, ${DEFAULT_TMPDIR} unless given.`,
  existingDirectory,
  () => DEFAULT_TMPDIR,
);

/** `--dbdir`: must exist if given. */
export const dbdirFlag: Flag<string> = valueFlag(
  "--dbdir",
  "DIR",
  `Directory of the state and the block devices, ${DEFAULT_DBDIR} unless given.`,
  existingDirectory,
  () => DEFAULT_DBDIR,
);

/** `--systemd-socket-activation`: the listening socket is descriptor 3. */
export const activationFlag: Flag<boolean> = {
  ...switchFlag(["--systemd-socket-activation"], "Listen on the socket that systemd passes. Linux only."),
  read(values) {
    if (values.length > 0 && !onLinux) throw new UsageError("--systemd-socket-activation is for Linux only");
    return values.length > 0;
  },
};

/** `-v`, `-q`, `--syslog`, `--verbosity`, `--color`: understood by every daemon; {@link logLevelOf} combines them. */
export const logFlags = {
  verbose: {
    names: ["-v", "--verbose"],
    placeholder: undefined,
    help: "Log more: once for info, twice for debug.",
    repeatable: true,
    read: (values: readonly string[]) => values.length,
  },
  quiet: switchFlag(["-q", "--quiet"], "Log nothing."),
  syslog: switchFlag(["--syslog"], "Log to the local syslog instead of standard output."),
  verbosity: valueFlag<LogLevel | undefined>(
    "--verbosity",
    "LEVEL",
    `Log level: one of ${LOG_LEVELS.join(", ")}; ${DEFAULT_LOG_LEVEL} unless given.`,
    (text) => {
      const level = LOG_LEVELS.find((candidate) => candidate === text);
      if (level === undefined) throw new UsageError(`invalid value ${text}, expected one of ${LOG_LEVELS.join(", ")}`);
      return level;
    },
    () => undefined,
  ),
  color: valueFlag<"auto" | "always" | "never">(
    "--color",
    "WHEN",
    "Colour of log lines: one of auto, always, never; auto unless given.",
    (text) => {
      if (text !== "auto" && text !== "always" && text !== "never") {
        throw new UsageError(`invalid value ${text}, expected one of auto, always, never`);
      }
      return text;
    },
    () => "auto",
  ),
} satisfies Record<string, Flag<unknown>>;

/** The level that `-q`, `--verbosity` or `-v` ask for, in this order of precedence. */
export function logLevelOf(values: {
  readonly quiet: boolean;
  readonly verbosity: LogLevel | undefined;
  readonly verbose: number;
}): LogLevel {
  if (values.quiet) return "quiet";
  if (values.verbosity !== undefined) return values.verbosity;
  return values.verbose === 0 ? DEFAULT_LOG_LEVEL : values.verbose === 1 ? "info" : "debug";
}
