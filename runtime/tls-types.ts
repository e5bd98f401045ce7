/**
 * What a TLS client is told, and what it tells: the same whatever runtime's sockets it stands on.
 *
 * @module
 */

/** Whom to connect to, and with what. */
export interface TlsParameters {
  readonly host: string;
  readonly port: number;
  /** The certificates that the server's has to lead to, PEM. */
  readonly trustAnchors: string;
  /** Our certificate and its issuers, and the key, PEM. */
  readonly chain: string;
  readonly key: string;
  /** Offered by ALPN. */
  readonly applicationProtocols: readonly string[];
  /** Sent to the server as the name it is called by (SNI); none unless given. Names only, no addresses. */
  readonly indication?: string | undefined;
}

/** Who has answered. */
export interface TlsPeer {
  /** The server's own certificate, DER. Asked of the runtime when it is looked at. */
  readonly certificate: Uint8Array;
  /** What ALPN has negotiated. */
  readonly applicationProtocol: string | undefined;
}

/** After so long a silence the system asks whether the server is still there, so that a host that is gone ends: milliseconds. */
export const KEEP_ALIVE_MS = 30_000;

/** How far a connection was when it failed. After `open` the client is connected, but not yet accepted by the server. */
export type TlsPhase = "connect" | "handshake" | "open";

/** What a caller decides about a connection. */
export interface TlsOptions {
  /** Milliseconds until the server must have shaken hands. */
  readonly patience: number;
  readonly signal?: AbortSignal | undefined;
  /** Looks at the server before anything is sent to it; throws to refuse it. */
  check(peer: TlsPeer): void;
  /** Makes the caller's error of one of the system or the TLS library. */
  translate(error: Error, phase: TlsPhase): Error;
}

/** The server has closed the connection before the handshake was done, without saying why. */
export class HandshakeClosedError extends Error {
  override readonly name = "HandshakeClosedError";
}

/** The server was too slow. */
export class HandshakeTimeoutError extends Error {
  override readonly name = "HandshakeTimeoutError";
  readonly code = "ETIMEDOUT";
}

/** Why a signal was given. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error("Aborted", { cause: signal?.reason });
}

/** The error of a server that has not shaken hands in time. */
export function tooSlow(options: TlsOptions): HandshakeTimeoutError {
  return new HandshakeTimeoutError(
    `The server did not complete the TLS handshake within ${options.patience / 1000} seconds`,
  );
}

/** The error of a server that has closed the connection before the handshake was done. */
export function closedInHandshake(): HandshakeClosedError {
  return new HandshakeClosedError("The server has closed the connection");
}
