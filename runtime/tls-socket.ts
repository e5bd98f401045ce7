/**
 * A TLS connection to a server, as a client with a certificate: TLS 1.3, on Bun by its own sockets, since loading its
 * `node:tls` takes longer than all the rest of a call, and on Deno by `node:tls`.
 *
 * @module
 */
import type { Connection, ConnectionHandlers } from "./connection.ts";
import { connectBun } from "./tls-socket-bun.ts";
import type { TlsOptions, TlsParameters, TlsPeer } from "./tls-types.ts";

export type { TlsOptions, TlsParameters, TlsPeer, TlsPhase } from "./tls-types.ts";
export { HandshakeClosedError, HandshakeTimeoutError } from "./tls-types.ts";

/**
 * The largest certificate chain that this runtime sends, bytes of DER with the framing of the handshake; `undefined` if
 * it has no limit of its own. Deno's TLS library takes no larger handshake message.
 */
export const CLIENT_CHAIN_LIMIT: number | undefined = "Deno" in globalThis ? 64 * 1024 : undefined;

/**
 * Connects and shakes hands. In TLS 1.3 the server judges our certificate afterwards: a refusal comes by `close` of the
 * handlers, or not at all if the server just closes.
 *
 * @throws what {@link TlsOptions.translate} and {@link TlsOptions.check} give, and the reason of the signal
 */
export async function connectTls(
  parameters: TlsParameters,
  open: (connection: Connection, peer: TlsPeer) => ConnectionHandlers,
  options: TlsOptions,
): Promise<Connection> {
  const attempt = typeof Bun === "undefined" ? (await import("./tls-socket-node.ts")).connectNode : connectBun;
  return await attempt(parameters, open, options);
}
