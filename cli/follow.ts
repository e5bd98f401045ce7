/**
 * Commands whose answers go on until the daemon closes the connection, or an interrupt: `console`, `log` and `stats`.
 *
 * @module
 */
import type { ClientConnection } from "../client/connection.ts";
import { AbortedError, ProtocolError } from "../client/errors.ts";
import { openLocal } from "../client/follow.ts";
import { routeOf } from "../client/sockets.ts";
import type { Name } from "../core/name.ts";
import type { Command, Message } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import {
  ANSWER_PATIENCE_MS,
  addressOf,
  ask,
  type DaemonValues,
  EXIT_INTERRUPTED,
  EXIT_REFUSED,
  isTooLate,
  report,
  reportError,
  reportRemoteError,
  SHOW_ONLY,
  tooLate,
} from "./exchange.ts";
import { modeOf } from "./mode.ts";
import { flushOutput, gatherOutput } from "./output.ts";

/** What a printer of messages gives when it needs no more of them. */
export const ENOUGH = Symbol("enough");

/** Prints everything that comes, by `show`, until that gives {@link ENOUGH}, and gives the exit status. */
export async function follow(
  values: DaemonValues,
  context: Context,
  name: Name,
  command: Command,
  show: (message: Message) => unknown = (message) => report(context, message),
  patience: number = ANSWER_PATIENCE_MS,
): Promise<number> {
  const mode = modeOf(values);
  if (mode === "csr" || values.socket === SHOW_ONLY || values.destination === "-")
    return (await ask(values, context, name, command)) as number;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  // What follows comes when it comes, but the answer comes first.
  const late = setTimeout(() => interrupt.abort(tooLate(patience)), patience);
  let connection: ClientConnection | undefined;
  try {
    const opened = await open(values, name, command, interrupt.signal);
    connection = opened.connection;
    let replied = false;
    gatherOutput();
    for await (const message of connection.messages(flushOutput)) {
      clearTimeout(late);
      replied ||= message.payload.kind !== "data";
      if (show(message) === ENOUGH) return 0;
      if (message.payload.kind === "failure") return EXIT_REFUSED;
    }
    if (!replied) throw new ProtocolError(`The connection to ${opened.address} was closed without a reply`);
    return 0;
  } catch (error) {
    if (error instanceof AbortedError && !isTooLate(error)) return EXIT_INTERRUPTED;
    return mode === "remote" ? await reportRemoteError(context, error) : reportError(context, error);
  } finally {
    flushOutput();
    process.off("SIGINT", onInterrupt);
    clearTimeout(late);
    connection?.close();
  }
}

/** Sends a command on a connection, over which everything comes. */
export async function open(values: DaemonValues, name: Name, command: Command, signal: AbortSignal) {
  if (modeOf(values) === "remote") {
    const { openRemote } = await import("./remote.ts");
    return await openRemote(values, name, command, { signal });
  }
  return await openLocal(addressOf(values, routeOf(command).socket), name, command, { signal });
}
