/**
 * A TLS connection to a server, as a client with a certificate: TLS 1.3 by `node:tls`, on Bun and on Deno.
 *
 * @module
 */
import { connect, type TLSSocket } from "node:tls";
import { type Connection, type ConnectionHandlers, connectionOver, type SocketEvents } from "./connection.ts";

/**
 * The largest certificate chain that this runtime sends, bytes of DER with the framing of the handshake; `undefined` if
 * it has no limit of its own. Deno's TLS library takes no larger handshake message.
 */
export const CLIENT_CHAIN_LIMIT: number | undefined = "Deno" in globalThis ? 64 * 1024 : undefined;

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
  /** The server's own certificate, DER. */
  readonly certificate: Uint8Array;
  /** What ALPN has negotiated. */
  readonly applicationProtocol: string | undefined;
}

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

/**
 * Connects and shakes hands. In TLS 1.3 the server judges our certificate afterwards: a refusal comes by `close` of the
 * handlers, or not at all if the server just closes.
 *
 * @throws what {@link TlsOptions.translate} and {@link TlsOptions.check} give, and the reason of the signal
 */
export function connectTls(
  parameters: TlsParameters,
  open: (connection: Connection, peer: TlsPeer) => ConnectionHandlers,
  options: TlsOptions,
): Promise<Connection> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let phase: TlsPhase = "connect";
    let events: SocketEvents | undefined;
    const socket = connect({
      host: parameters.host,
      port: parameters.port,
      servername: parameters.indication ?? "",
      minVersion: "TLSv1.3",
      ALPNProtocols: [...parameters.applicationProtocols],
      ca: parameters.trustAnchors,
      cert: parameters.chain,
      key: parameters.key,
      rejectUnauthorized: true,
      // Names are the business of `check`.
      checkServerIdentity: () => undefined,
      allowHalfOpen: true,
    } as Parameters<typeof connect>[0]);
    const fail = (error: Error) => {
      release();
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(asReason(signal));
    const timer = setTimeout(() => {
      const text = `The server did not complete the TLS handshake within ${options.patience / 1000} seconds`;
      fail(options.translate(new HandshakeTimeoutError(text), phase));
    }, options.patience);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("connect", () => {
      if (phase === "connect") phase = "handshake";
    });
    socket.on("secureConnect", () => {
      if (events !== undefined || socket.destroyed) return;
      release();
      try {
        const peer = peerOf(socket);
        options.check(peer);
        phase = "open";
        events = connectionOver(
          rawOver(socket, () => events),
          (connection) => open(connection, peer),
          {},
        );
        resolve(events.connection);
      } catch (error) {
        fail(error as Error);
      }
    });
    socket.on("data", (chunk: Uint8Array) => events?.data(chunk));
    socket.on("end", () => {
      if (events !== undefined) events.end();
      else fail(options.translate(new HandshakeClosedError("The server has closed the connection"), phase));
    });
    socket.on("error", (error: Error) => {
      const translated = options.translate(error, phase);
      if (events === undefined) return fail(translated);
      // Told at once: the end of the stream, which follows, would look like an orderly one.
      events.close(translated);
      socket.destroy();
    });
    socket.on("close", () => {
      if (events !== undefined) events.close(undefined);
      else fail(options.translate(new HandshakeClosedError("The server has closed the connection"), phase));
    });
  });
}

function asReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error("Aborted", { cause: signal?.reason });
}

function peerOf(socket: TLSSocket): TlsPeer {
  const { raw } = socket.getPeerCertificate(true);
  return {
    certificate: Uint8Array.from(raw),
    applicationProtocol: socket.alpnProtocol || undefined, // false or null if none
  };
}

function rawOver(socket: TLSSocket, events: () => SocketEvents | undefined) {
  return {
    // One write at a time is in flight, the others wait in our own queue: its length is the back-pressure.
    write(bytes: Uint8Array): number {
      if (socket.destroyed) return -1;
      if (socket.writableLength > 0) return 0;
      socket.write(bytes.slice(), (error) => {
        if (!error) events()?.writable();
      });
      return bytes.length;
    },
    end: () => void socket.end(() => socket.destroySoon()),
    terminate: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}
