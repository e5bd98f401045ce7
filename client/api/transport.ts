/**
 * The ways of a command: to the daemons of this host, to a remote host (`remote-transport.ts`), or into a record
 * (`record.ts`).
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import type { SocketRole } from "../../core/paths.ts";
import { DATA_FRAME_LIMIT } from "../../core/wire/framing.ts";
import type { Command, Message } from "../../core/wire/message.ts";
import type { ClientOptions } from "../connection.ts";
import { type Opened, openLocal } from "../follow.ts";
import type { ImageFile } from "../image-file.ts";
import { request } from "../request.ts";
import { routeOf } from "../sockets.ts";
import { type InfoReply, requestInfo } from "../status.ts";

/**
 * Settings that every call takes.
 *
 * @example
 * ```ts
 * import { type CallOptions, connect } from "albatross";
 *
 * const patiently: CallOptions = { signal: AbortSignal.timeout(10_000) };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.destroy("hello", patiently);
 * ```
 */
export interface CallOptions {
  /** Gives up: the call rejects with {@link AbortedError}, and its connection is closed. */
  readonly signal?: AbortSignal | undefined;
}

/** What goes with a command. */
export interface Call extends CallOptions {
  /** The image of a create command, and the compression that the command announces. */
  readonly image?: { readonly file: ImageFile; readonly level: number } | undefined;
  /** The bytes that follow a command. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined;
}

/** The answer to a command. */
export interface Answer {
  /** A success or a failure. */
  readonly reply: Message;
  /** The host had the image already. */
  readonly present: boolean;
}

/** A way for commands; each takes a connection of its own. */
export interface Transport {
  /** The compression that pays on this way. */
  readonly level: number;
  /** The sockets of the daemons, where they can be asked without a certificate. */
  readonly socketOf: ((role: SocketRole) => string) | undefined;
  ask(name: Name, command: Command, call: Call): Promise<Answer>;
  open(name: Name, command: Command, options: ClientOptions): Promise<Opened>;
  info(name: Name, options: ClientOptions): Promise<InfoReply>;
}

/** Data comes in small messages: no memory is taken for larger ones. */
export function limited({ signal }: CallOptions): ClientOptions {
  return { signal, frameLimit: DATA_FRAME_LIMIT };
}

/** The way to the daemons with these sockets. */
export function localTransport(socketOf: (role: SocketRole) => string): Transport {
  return {
    level: 0,
    socketOf,
    async ask(name, command, { image, stream, signal }) {
      const bytes = await image?.file.bytes(image.level);
      const options = { image: bytes, stream, signal };
      return { reply: await request(socketOf(routeOf(command).socket), name, command, options), present: false };
    },
    open: (name, command, options) => openLocal(socketOf(routeOf(command).socket), name, command, options),
    info: (name, options) => requestInfo(socketOf("vmmd"), name, options),
  };
}
