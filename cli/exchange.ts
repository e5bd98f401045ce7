/**
 * One command to a daemon and its reply, as most sub-commands need it: asking, printing, exit statuses (client.md 6).
 *
 * @module
 */
import { defaultDirectories } from "../client/directories.ts";
import { AbortedError, ClientError, ConnectError, InputError, ProtocolError } from "../client/errors.ts";
import { EXIT_COMMUNICATION, EXIT_INTERRUPTED, EXIT_REFUSED } from "../client/exit-status.ts";
import { commandMessage, type RequestOptions, request } from "../client/request.ts";
import { routeOf } from "../client/sockets.ts";
import { fromText } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import { type SocketRole, socketFile } from "../core/paths.ts";
import { printMessage } from "../core/print/message.ts";
import { CLIENT_STYLE } from "../core/print/style.ts";
import type { Command, Message } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import { type JsonObject, jsonMessage } from "./json.ts";
import { type ModeValues, modeOf } from "./mode.ts";
import type { RemoteValues } from "./remote.ts";
import { UsageError } from "./usage-error.ts";

export { EXIT_COMMUNICATION, EXIT_INTERRUPTED, EXIT_REFUSED };

/** The values of the options in `options/daemon.ts` that say where a daemon is. */
export interface DaemonValues extends ModeValues, RemoteValues {
  readonly destination: RemoteValues["destination"];
  readonly temporaryDirectory: string | undefined;
}

/** The value of `--socket` that shows a command instead of sending it. */
export const SHOW_ONLY = "-";

/**
 * The socket of the daemon that is asked.
 *
 * @throws {UsageError} on systems without a default directory
 */
export function addressOf(values: DaemonValues, role: SocketRole): string {
  if (values.socket !== undefined) return values.socket;
  if (values.temporaryDirectory !== undefined) return socketFile(values.temporaryDirectory, role);
  try {
    return socketFile(defaultDirectories(process.platform).temporary, role);
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message} with --tmpdir`, { cause });
  }
}

/** How long a daemon may take to answer what it knows, or does, at once: milliseconds. */
export const ANSWER_PATIENCE_MS = 60_000;

/** What is answered at once. Transfers, copies, and starts and ends of unikernels take the time that they take. */
const answeredAtOnce: ReadonlySet<Command["kind"]> = new Set<Command["kind"]>([
  "unikernel-info",
  "unikernel-revisions",
  "policy-info",
  "policy-add",
  "policy-remove",
  "block-info",
  "console-inactive",
  "statistics-add",
  "statistics-remove",
]);

/** Gives up a daemon that does not answer, as one that is stopped; `reportError` tells of it. */
export function answerWithin(milliseconds: number = ANSWER_PATIENCE_MS): AbortSignal {
  const late = new AbortController();
  setTimeout(() => late.abort(tooLate(milliseconds)), milliseconds);
  return late.signal;
}

/** As {@link answerWithin}, for commands that are answered at once; nothing for those that take their time. */
export function patienceFor({ kind }: Command): AbortSignal | undefined {
  return answeredAtOnce.has(kind) ? answerWithin() : undefined;
}

/** Why a daemon was given up. */
export function tooLate(milliseconds: number): ProtocolError {
  return new ProtocolError(`The daemon did not answer within ${milliseconds / 1000} seconds`);
}

/** Whether nobody but ourselves has given up. */
export function isTooLate(error: unknown): error is AbortedError & { readonly cause: ProtocolError } {
  return error instanceof AbortedError && error.cause instanceof ProtocolError;
}

/** Sends a command, prints the reply, and gives the exit status. */
export async function exchange(values: DaemonValues, context: Context, name: Name, command: Command): Promise<number> {
  const reply = await ask(values, context, name, command);
  if (typeof reply === "number") return reply;
  return context.tables() && (await showList(context, reply)) ? 0 : report(context, reply);
}

/** Shows a reply as a table, if it is a list that has something in it. */
async function showList(context: Context, { payload }: Message): Promise<boolean> {
  if (payload.kind !== "success" || payload.success.kind === "string") return false;
  const { listColumns } = await import("./tables/lists.ts");
  const columns = listColumns(payload.success);
  if (columns === undefined) return false;
  const { showTable } = await import("./tables/show.ts");
  showTable(context, columns);
  return true;
}

/**
 * Sends a command, or writes a request for it. That gives the exit status, as does a failure to get a reply, which is
 * reported.
 */
export async function ask(
  values: DaemonValues,
  context: Context,
  name: Name,
  command: Command,
  given: RequestOptions = {},
): Promise<Message | number> {
  const options = { signal: patienceFor(command), ...given };
  const mode = modeOf(values);
  if (mode === "csr") {
    const { writeRequest } = await import("./write-request.ts");
    return await writeRequest(values.keyType, context, name, command, options.image);
  }
  if (mode === "remote") {
    const { askRemote } = await import("./remote.ts");
    try {
      const upload = options.stream && { chunks: options.stream };
      return (await askRemote(values, name, command, { ...options, upload }))?.reply ?? EXIT_COMMUNICATION;
    } catch (error) {
      return await reportRemoteError(context, error);
    }
  }
  if (values.socket === SHOW_ONLY) {
    const { showFrame } = await import("./show-frame.ts");
    await showFrame(commandMessage(name, command), options.image);
    return EXIT_COMMUNICATION;
  }
  try {
    return await request(addressOf(values, routeOf(command).socket), name, command, options);
  } catch (error) {
    return reportError(context, error);
  }
}

/** Prints a reply, with further fields for JSON, and gives the exit status. */
export function report(context: Context, reply: Message, more: JsonObject = {}): number {
  const failed = reply.payload.kind === "failure";
  if (context.json) {
    context.object({ ...jsonMessage(reply), ...more });
  } else {
    const text = printMessage(reply, { ...CLIENT_STYLE, verbose: context.log.debug });
    if (failed) context.log.warning(text);
    else context.log.reply(text);
  }
  return failed ? EXIT_REFUSED : 0;
}

/**
 * Reports a failure of the client library, and gives the exit status.
 *
 * @param as the exit status of all failures but interrupts, where they are not told apart
 */
export function reportError(context: Context, thrown: unknown, as?: number): number {
  const error = isTooLate(thrown) ? thrown.cause : thrown;
  if (!(error instanceof ClientError) || error instanceof InputError) throw error;
  const exitStatus = statusOf(error, as);
  if (context.json) {
    context.object({ kind: "error", code: error.code, message: error.message, exitStatus });
  } else if (error instanceof ConnectError) {
    const { address, systemCode } = error;
    context.log.warning(
      fromText(
        `error Unix.Unix_error(Unix.${systemCode}, "connect", "") connecting to socket unix domain socket ${address}`,
      ),
    );
    context.log.error(fromText(`couldn't connect to unix domain socket ${address}`));
    context.hint(connectHints[systemCode] ?? error.message);
  } else if (!(error instanceof AbortedError)) {
    context.log.error(fromText(error.message));
  }
  return exitStatus;
}

function statusOf(error: ClientError, as: number | undefined): number {
  return as === undefined || error instanceof AbortedError ? error.exitStatus : as;
}

/** As {@link reportError}, for what went by TLS. */
export async function reportRemoteError(context: Context, error: unknown, as?: number): Promise<number> {
  if (!(error instanceof ClientError) || error instanceof InputError) throw error;
  const { connectFailure, remoteFailure } = await import("./report-remote.ts");
  const failure =
    error instanceof ConnectError ? { text: connectFailure(error), hint: error.message } : remoteFailure(error);
  if (failure === undefined) return reportError(context, error, as);
  const { text, hint } = failure;
  const exitStatus = statusOf(error, as);
  if (context.json) {
    const message = hint ?? text;
    context.object({ kind: "error", code: error.code, message, exitStatus });
  } else {
    context.log.error(fromText(text));
    if (hint !== undefined) context.hint(hint);
  }
  return exitStatus;
}

/** Reports a failure on this side, such as a file that cannot be written, and gives the exit status. */
export function reportLocal(context: Context, message: string, code: string, exitStatus: number): number {
  if (context.json) context.object({ kind: "error", code, message, exitStatus });
  else context.log.error(fromText(message));
  return exitStatus;
}

const connectHints: Readonly<Record<string, string>> = {
  ENOENT: "is the daemon running? Its directory can be given with --tmpdir",
  ECONNREFUSED: "nobody listens at the socket: is the daemon running?",
  EACCES: "permission denied: this user is not in the group of the socket",
};
