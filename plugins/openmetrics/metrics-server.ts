/**
 * Serves `/metrics` by HTTP, on a Unix socket or a loopback port.
 *
 * What is served is kept for a while, so that asking often, or by many, costs the host nothing more.
 *
 * @module
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { MetricsAddress } from "./address.ts";
import { CONTENT_TYPE } from "./family.ts";

/** Milliseconds for which an answer is given again. */
export const CACHE_MS = 2_000;

/** Connections at a time; further ones are closed at once. */
export const SCRAPERS_MAX = 32;

/** Milliseconds that a request may take to come. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Milliseconds that a connection may stay open between requests. */
const IDLE_MS = 90_000;

/** A running server. */
export interface MetricsServer {
  /** Where it listens, for a log. */
  readonly address: string;
  close(): void;
}

/** Gives the latest text, made anew when it is older than {@link CACHE_MS}; those who ask meanwhile share one. */
export function cached<T>(
  make: () => Promise<T>,
  now: () => number = () => performance.now(),
  lifetime = CACHE_MS,
): () => Promise<T> {
  let made: { readonly text: Promise<T>; readonly until: number } | undefined;
  return async () => {
    if (made !== undefined && now() < made.until) return await made.text;
    const text = make();
    made = { text, until: now() + lifetime };
    text.catch(() => {
      if (made?.text === text) made = undefined; // an error is told to who asked, and not kept
    });
    return await text;
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  text: () => Promise<Uint8Array>,
): Promise<void> {
  const refuse = (status: number, reason: string, headers: Record<string, string> = {}) => {
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
    response.end(`${reason}\n`);
  };
  const path = (request.url ?? "").split("?", 1)[0];
  if (path !== "/metrics") return refuse(404, "There is only /metrics");
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "Only GET", { Allow: "GET, HEAD" });
  let body: Uint8Array;
  try {
    body = await text();
  } catch (error) {
    return refuse(503, `Cannot measure: ${error instanceof Error ? error.message : String(error)}`);
  }
  response.writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Removes the socket file of a daemon that is gone. @throws if somebody listens there, or it is no socket */
async function removeStale(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) throw new Error(`Cannot serve metrics on ${path}: it exists and is not a socket`);
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
  if (answers) throw new Error(`Cannot serve metrics on ${path}: somebody else does. Give another path`);
  unlinkSync(path);
}

/**
 * Starts serving.
 *
 * @param text makes what `/metrics` shows
 * @throws an error that says why it cannot listen there
 */
export async function serveMetrics(address: MetricsAddress, text: () => Promise<string>): Promise<MetricsServer> {
  const answer = cached(async () => new TextEncoder().encode(await text()));
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_MS },
    (request, response) => {
      void respond(request, response, answer);
    },
  );
  server.maxConnections = SCRAPERS_MAX;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  if (address.kind === "unix") await removeStale(address.path);
  await listen(server, address);
  try {
    // The members of the group, as for the daemons' other sockets.
    if (address.kind === "unix") chmodSync(address.path, 0o660);
  } catch (error) {
    server.close();
    throw error;
  }
  const bound = server.address();
  const shown = typeof bound === "string" || bound === null ? String(bound) : `${bound.address} port ${bound.port}`;
  return {
    address: shown,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, address: MetricsAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new Error(
          `Cannot serve metrics on ${address.kind === "unix" ? address.path : `${address.host} port ${address.port}`}: ${cause.message}`,
          { cause },
        ),
      );
    server.once("error", failed);
    const ready = () => {
      server.off("error", failed);
      resolve();
    };
    if (address.kind === "unix") server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
}
