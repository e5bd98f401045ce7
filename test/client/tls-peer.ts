/** A TLS server whose answers a test decides. It asks for a client certificate, and takes any. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { Pair } from "../support/authority.ts";

export interface TlsPeer {
  readonly port: number;
  close(): Promise<void>;
}

export async function listenTls(
  pair: Pair,
  accept: (socket: TLSSocket) => void,
  options: TlsOptions = {},
): Promise<TlsPeer> {
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    {
      cert: readFileSync(pair.cert),
      key: readFileSync(pair.key),
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: false,
      allowHalfOpen: true,
      ...options,
    },
    (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
      accept(socket);
    },
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
