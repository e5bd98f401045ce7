/**
 * Commands whose answers go on until the daemon closes the connection.
 *
 * @module
 */
import type { Name } from "../core/name.ts";
import type { Command, Message, Success } from "../core/wire/message.ts";
import { ClientConnection, type ClientOptions } from "./connection.ts";
import { ProtocolError } from "./errors.ts";
import { commandMessage, successOf } from "./request.ts";

/** A connection on which answers come. */
export interface Opened {
  readonly connection: ClientConnection;
  /** Of the daemon, for messages. */
  readonly address: string;
}

/**
 * Sends a command to the socket of a daemon.
 *
 * @param sequence of the command; 0 unless given
 * @throws {ConnectError}
 * @throws {AbortedError}
 */
export async function openLocal(
  address: string,
  name: Name,
  command: Command,
  options: ClientOptions,
  sequence = 0n,
): Promise<Opened> {
  const connection = await ClientConnection.open(address, options);
  try {
    const { header, payload } = commandMessage(name, command);
    await connection.send({ header: { ...header, sequence }, payload });
  } catch (error) {
    connection.close();
    throw error;
  }
  return { connection, address };
}

/**
 * The data that follow a command that was sent; closes the connection at the end.
 *
 * @param accepted called with what the daemon answers first
 * @throws {RefusedError}
 * @throws {ProtocolError} if the connection breaks, or ends without an answer
 * @throws {AbortedError}
 */
export async function* follow(
  { connection, address }: Opened,
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
