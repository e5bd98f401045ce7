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
import { addressOf, ask, EXIT_INTERRUPTED, EXIT_REFUSED, report, reportError, SHOW_ONLY } from "../exchange.ts";

/** Shows console lines until the daemon closes the connection, or an interrupt. */
export async function subscribeConsole(values: Values<typeof definition>, context: Context): Promise<number> {
  const command: ConsoleCommand = {
    kind: "console-subscribe",
    from: values.since === undefined ? { count: values.count } : { since: values.since },
  };
  if (values.csr || values.socket === SHOW_ONLY) return (await ask(values, context, values.name, command)) as number;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  let connection: ClientConnection | undefined;
  try {
    const path = addressOf(values, "console");
    connection = await ClientConnection.open(path, { signal: interrupt.signal });
    await connection.send(commandMessage(values.name, command));
    let replied = false;
    for await (const message of connection.messages()) {
      replied ||= message.payload.kind !== "data";
      report(context, message);
      if (message.payload.kind === "failure") return EXIT_REFUSED;
    }
    if (!replied) throw new ProtocolError(`The connection to ${path} was closed without a reply`);
    return 0;
  } catch (error) {
    return error instanceof AbortedError ? EXIT_INTERRUPTED : reportError(context, error);
  } finally {
    process.off("SIGINT", onInterrupt);
    connection?.close();
  }
}
