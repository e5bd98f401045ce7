/**
 * One command, one reply.
 *
 * @module
 */
import type { Name } from "../core/name.ts";
import type { Command, Message, Success } from "../core/wire/message.ts";
import { ClientConnection, type ClientOptions, type ImageBytes } from "./connection.ts";
import { ProtocolError, RefusedError } from "./errors.ts";

/** What goes with a command. */
export interface RequestOptions extends ClientOptions {
  /** For create commands with an empty image: the image, read while it is sent. */
  readonly image?: ImageBytes | undefined;
  /** For commands that a stream follows: its bytes, read while they are sent. */
  readonly stream?: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined;
}

/** The message that carries a command. Clients number nothing: the sequence is 0. */
export function commandMessage(name: Name, command: Command): Message {
  return { header: { sequence: 0n, name }, payload: { kind: "command", command } };
}

/**
 * Sends a command on a connection of its own and waits for the reply, a success or a failure.
 *
 * @param path the socket of the daemon that serves it
 * @throws {ConnectError} if the daemon is not there
 * @throws {ProtocolError} if the connection ends without a reply, or the reply is not understood
 * @throws {AbortedError}
 */
export async function request(
  path: string,
  name: Name,
  command: Command,
  options: RequestOptions = {},
): Promise<Message> {
  const connection = await ClientConnection.open(path, options);
  try {
    const message = commandMessage(name, command);
    const { image, stream } = options;
    const sent = await (image === undefined ? connection.send(message) : connection.sendWithImage(message, image));
    if (sent && stream !== undefined) await connection.sendStream(stream);
    // Even if not everything went out: a daemon that refuses early says so before it closes.
    for await (const reply of connection.messages()) {
      const { kind } = reply.payload;
      if (kind === "success" || kind === "failure") return reply;
      throw new ProtocolError(`Cannot understand what ${path} sent: a ${kind} message instead of a reply`);
    }
    throw new ProtocolError(
      `The connection to ${path} was closed without a reply: whether the command was carried out is unknown`,
    );
  } finally {
    connection.close();
  }
}

/**
 * The success in a reply.
 *
 * @throws {RefusedError} if it is a failure
 */
export function successOf(reply: Message): Success {
  const { payload, header } = reply;
  if (payload.kind === "failure") throw new RefusedError(header.name, payload.text);
  if (payload.kind !== "success") throw new ProtocolError(`A ${payload.kind} message came instead of a reply`);
  return payload.success;
}
