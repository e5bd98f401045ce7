/**
 * Commands whose answers go on until the daemon closes the connection.
 *
 * @module
 */
import type { Message, Success } from "../core/wire/message.ts";
import type { ClientConnection } from "./connection.ts";
import { ProtocolError } from "./errors.ts";
import { successOf } from "./request.ts";

/**
 * The data that follow a command that was sent; closes the connection at the end.
 *
 * @param accepted called with what the daemon answers first
 * @throws {RefusedError}
 * @throws {ProtocolError} if the connection breaks, or ends without an answer
 * @throws {AbortedError}
 */
export async function* follow(
  { connection, address }: { readonly connection: ClientConnection; readonly address: string },
  accepted: (success: Success) => void = () => undefined,
): AsyncGenerator<Message, void> {
  try {
    let answered = false;
    for await (const message of connection.messages()) {
      if (message.payload.kind === "data") {
        yield message;
      } else {
        accepted(successOf(message));
        answered = true;
      }
    }
    if (!answered) throw new ProtocolError(`The connection to ${address} was closed without a reply`);
  } finally {
    connection.close();
  }
}
