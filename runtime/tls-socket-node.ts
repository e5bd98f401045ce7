/**
 * A TLS client by `node:tls`: for Deno.
 *
 * @module
 */
import { connect, type TLSSocket } from "node:tls";
import { type Connection, type ConnectionHandlers, connectionOver, type SocketEvents } from "./connection.ts";
import {
  closedInHandshake,
  KEEP_ALIVE_MS,
  reasonOf,
  type TlsOptions,
  type TlsParameters,
  type TlsPeer,
  type TlsPhase,
  tooSlow,
} from "./tls-types.ts";

/** As `connectTls`. */
export function connectNode(
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
    const abort = () => fail(reasonOf(signal));
    const timer = setTimeout(() => fail(options.translate(tooSlow(options), phase)), options.patience);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("connect", () => {
      if (phase === "connect") phase = "handshake";
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
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
      else fail(options.translate(closedInHandshake(), phase));
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
      else fail(options.translate(closedInHandshake(), phase));
    });
  });
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
