/** A real HTTP or HTTPS server whose answers a test decides, and certificates for it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, Socket } from "node:net";
import { join } from "node:path";

export interface HttpServer {
  /** `http[s]://127.0.0.1:PORT`. */
  readonly url: string;
  /** What was asked for, as `/path`, in order. */
  readonly asked: readonly string[];
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

/** A certificate for 127.0.0.1 that nobody signed but itself, and its key, as PEM files in `folder`. */
export function makeCertificate(folder: string, name = "http"): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=builds";
  const alternative = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", cert];
  execFileSync("openssl", [...words.split(" "), ...alternative], { stdio: "ignore" });
  return { cert, key };
}

/** Serves on a free port of 127.0.0.1; by TLS with a certificate. */
export async function serveHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  tls?: { readonly cert: string; readonly key: string },
): Promise<HttpServer> {
  const asked: string[] = [];
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const listener: RequestListener = (request, response) => {
    asked.push(request.url ?? "");
    requests.push(request);
    answer(request, response);
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, listener);
  server.on("connection", (socket) => {
    if (!(socket instanceof Socket)) return;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    asked,
    requests,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
