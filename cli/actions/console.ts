/**
 * `albatross-client console`.
 *
 * @module
 */
import { ClientConnection } from "../../client/connection.ts";
import { AbortedError, ProtocolError } from "../../client/errors.ts";
import { commandMessage } from "../../client/request.ts";
import type { ConsoleCommand } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { consoleCommand as definition } from "../commands/console.ts";
import type { Context } from "../context.ts";
import {
  addressOf,
  ask,
  EXIT_INTERRUPTED,
  EXIT_REFUSED,
  report,
  reportError,
  reportRemoteError,
  SHOW_ONLY,
} from "../exchange.ts";
import { modeOf } from "../mode.ts";
import { flushOutput, gatherOutput } from "../output.ts";

/** Shows console lines until the daemon closes the connection, or an interrupt. */
export async function subscribeConsole(values: Values<typeof definition>, context: Context): Promise<number> {
  const command: ConsoleCommand = {
    kind: "console-subscribe",
    from: values.since === undefined ? { count: values.count } : { since: values.since },
  };
  const mode = modeOf(values);
  if (mode === "csr" || values.socket === SHOW_ONLY || values.destination === "-")
    return (await ask(values, context, values.name, command)) as number;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  let connection: ClientConnection | undefined;
  try {
    const opened = await open(values, command, interrupt.signal);
    connection = opened.connection;
    let replied = false;
    gatherOutput();
    for await (const message of connection.messages(flushOutput)) {
      replied ||= message.payload.kind !== "data";
      report(context, message);
      if (message.payload.kind === "failure") return EXIT_REFUSED;
    }
    if (!replied) throw new ProtocolError(`The connection to ${opened.address} was closed without a reply`);
    return 0;
  } catch (error) {
    if (error instanceof AbortedError) return EXIT_INTERRUPTED;
    return mode === "remote" ? await reportRemoteError(context, error) : reportError(context, error);
  } finally {
    flushOutput();
    process.off("SIGINT", onInterrupt);
    connection?.close();
  }
}

async function open(values: Values<typeof definition>, command: ConsoleCommand, signal: AbortSignal) {
  if (modeOf(values) === "remote") {
    const { openRemote } = await import("../remote.ts");
    return await openRemote(values, values.name, command, { signal });
  }
  const address = addressOf(values, "console");
  const connection = await ClientConnection.open(address, { signal });
  try {
    await connection.send(commandMessage(values.name, command));
  } catch (error) {
    connection.close();
    throw error;
  }
  return { connection, address };
}
