/** A TLS server whose answers a test decides. It asks for a client certificate, and takes any. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
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

/** A port of the loopback interface where nobody listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** OpenSSL's server, which judges client certificates with real alerts; ends when `work` has. */
export async function withOpenssl(
  pair: Pair,
  words: readonly string[],
  work: (port: number) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const child = spawn(
    "openssl",
    ["s_server", "-accept", `127.0.0.1:${port}`, "-tls1_3", "-cert", pair.cert, "-key", pair.key, ...words],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const exited = new Promise((resolve) => child.on("exit", resolve));
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => chunk.includes("ACCEPT") && resolve());
      child.on("exit", () => reject(new Error("openssl s_server does not start")));
    });
    await work(port);
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}
