/**
 * One command in a certificate, one reply; and the image, where the command waits for one (pki.md 7).
 *
 * @module
 */
import { fromText } from "../core/byte-string.ts";
import type { Message } from "../core/wire/message.ts";
import { IMAGE_WANTED } from "../core/wire/peer-extensions.ts";
import type { ClientConnection, ClientOptions } from "./connection.ts";
import { ProtocolError } from "./errors.ts";
import { type Credentials, openTls, serverAddress, type TlsServer } from "./tls-connection.ts";

/** Before the digest that is offered instead of an image: ASCII. */
const DIGEST_MARK = new TextEncoder().encode("ALBADIGE");

/** What is sent after the handshake. */
export interface Upload {
  /** In pieces of any size; taken once at most. */
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** For images: the SHA-256 of the whole, uncompressed image. It is asked for if the server may have the image. */
  readonly digest?: (() => Promise<Uint8Array>) | undefined;
  /** Nothing is sent to an endpoint of this project: only others wait for a stream that can but be empty. */
  readonly othersOnly?: boolean;
}

export interface RemoteOptions extends ClientOptions {
  readonly upload?: Upload | undefined;
}

export interface RemoteReply {
  readonly reply: Message;
  /** The server had the image already: nothing of it was sent. */
  readonly present: boolean;
}

/**
 * Connects, sends what the command needs, and waits for the reply, a success or a failure.
 *
 * @throws {ConnectError} and what else {@link openTls} throws
 * @throws {CertificateRefusedError} if the server does not accept our certificate
 * @throws {ProtocolError} if the connection ends without a reply, or the reply is not understood
 * @throws {AbortedError}
 * @throws what the chunks or the digest throw
 */
export async function requestRemote(
  server: TlsServer,
  credentials: Credentials,
  options: RemoteOptions = {},
): Promise<RemoteReply> {
  const { connection, extended } = await openTls(server, credentials, options);
  try {
    const messages = connection.messages();
    const { upload } = options;
    if (upload !== undefined && !(extended && upload.othersOnly)) {
      if (extended && upload.digest !== undefined) {
        const answer = await offer(connection, await upload.digest(), messages);
        if (answer !== undefined)
          return { reply: finalReply(answer, server), present: answer.payload.kind === "success" };
      }
      await connection.sendStream(upload.chunks);
    }
    // Even if not everything went out: a server that refuses early says so.
    for (let next = await messages.next(); !next.done; )
      return { reply: finalReply(next.value, server), present: false };
    throw closedEarly(server);
  } finally {
    connection.close();
  }

  async function offer(
    connection: ClientConnection,
    digest: Uint8Array,
    messages: AsyncGenerator<Message, void>,
  ): Promise<Message | undefined> {
    const chunk = new Uint8Array(DIGEST_MARK.length + digest.length);
    chunk.set(DIGEST_MARK);
    chunk.set(digest, DIGEST_MARK.length);
    await connection.sendChunk(chunk);
    const next = await messages.next();
    if (next.done) throw closedEarly(server);
    const { payload } = next.value;
    const wanted =
      payload.kind === "success" &&
      payload.success.kind === "string" &&
      payload.success.text === fromText(IMAGE_WANTED);
    return wanted ? undefined : next.value;
  }
}

/**
 * The reply itself, if it is one.
 *
 * @throws {ProtocolError}
 */
function finalReply(message: Message, server: TlsServer): Message {
  const { kind } = message.payload;
  if (kind === "success" || kind === "failure") return message;
  const address = serverAddress(server);
  throw new ProtocolError(`Cannot understand what ${address} sent: a ${kind} message instead of a reply`);
}

/** The connection ended where a reply should be. The original's endpoint answers many mistakes like that. */
export function closedEarly(server: TlsServer): ProtocolError {
  return new ProtocolError(
    `The connection to ${serverAddress(server)} was closed without a reply: the server may have refused the certificate or its command, see its log`,
  );
}
