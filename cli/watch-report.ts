/**
 * What `create` and `restart` tell after the success: whether the unikernel keeps running.
 *
 * The exit status stays 0 even if it does not, since scripts rely on it, unless `--wait-fail` is given.
 *
 * @module
 */
import { failedEarly, type Watched, watchUnikernel } from "../client/watch.ts";
import { fromBytes, toDisplay } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import { printData } from "../core/print/message.ts";
import type { Message } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import { addressOf, type DaemonValues, report } from "./exchange.ts";
import { type Json, type JsonObject, jsonBytes, jsonTime } from "./json.ts";
import { modeOf } from "./mode.ts";
import { UsageError } from "./usage-error.ts";

/** Exit status with `--wait-fail` if the unikernel was started, but failed at once. */
export const EXIT_EARLY_FAILURE = 115;

/** The values of the options that decide about watching. */
export interface WatchValues extends DaemonValues {
  readonly name: Name;
  readonly noWait: boolean;
  readonly waitFail: boolean;
}

/**
 * Prints the success, watches the unikernel, and prints what became of it.
 *
 * @param since before the command was sent: milliseconds since 1970
 * @param more further fields for JSON
 */
export async function reportStart(
  values: WatchValues,
  context: Context,
  reply: Message,
  since: number,
  more: JsonObject = {},
): Promise<number> {
  // Text comes at once; JSON is one object, so it waits.
  const status = context.json ? 0 : report(context, reply);
  const useless = context.log.quiet && !values.waitFail && !context.json;
  // Every question to a remote host would take a certificate and a handshake of its own.
  const far = modeOf(values) !== "local";
  const watched =
    values.noWait || useless || far
      ? undefined
      : await watchUnikernel({
          daemon: addressOf(values, "vmmd"),
          console: consoleAddress(values),
          name: values.name,
          since,
        });
  if (context.json) report(context, reply, { watch: watched === undefined ? null : jsonWatched(watched), ...more });
  else if (watched !== undefined) printWatched(context, values.name, watched);
  return values.waitFail && watched !== undefined && failedEarly(watched) ? EXIT_EARLY_FAILURE : status;
}

/**
 * Refuses `--wait-fail` where nothing is watched: it would promise what is not looked at.
 *
 * @throws {UsageError}
 */
export function checkWatch(values: WatchValues): void {
  if (!values.waitFail || modeOf(values) === "local") return;
  throw new UsageError("The option --wait-fail is for local daemons: unikernels of a remote host are not watched");
}

/** With `--socket` the console daemon is looked for beside it. */
function consoleAddress(values: DaemonValues): string | undefined {
  if (values.socket === undefined) return addressOf(values, "console");
  return values.socket.endsWith("vmmd.sock") ? values.socket.replace(/vmmd\.sock$/, "console.sock") : undefined;
}

function printWatched(context: Context, name: Name, watched: Watched): void {
  if (watched.state === "running" || watched.state === "unknown") return;
  const time = `${(watched.milliseconds / 1000).toFixed(1)} s`;
  const status = watched.exitStatus === undefined ? "" : ` with exit status ${watched.exitStatus}`;
  const what =
    watched.state === "ended" ? `ended within ${time}${status}` : `ended within ${time}${status} and is started again`;
  const text = `${name.toDisplay()} ${what}${watched.lines.length === 0 ? "" : ", its last console lines:"}`;
  // On standard error: standard output is as the original's.
  const lines = watched.lines.map(({ timestamp, line }) => toDisplay(printData({ kind: "console", timestamp, line })));
  context.hint([text, ...lines].join("\n"));
}

/** `state` is running, ended, restarting or unknown. */
function jsonWatched(watched: Watched): Json {
  return {
    state: watched.state,
    failed: failedEarly(watched),
    exitStatus: watched.exitStatus ?? null,
    seconds: Math.round(watched.milliseconds) / 1000,
    lines: watched.lines.map(({ timestamp, line }) => ({
      time: jsonTime(timestamp),
      line: jsonBytes(fromBytes(line)),
    })),
  };
}
