/**
 * Stream sockets in the file system: listening (Bun) and connecting (Bun and Deno).
 *
 * Connections are half-open: a peer that shuts down its sending side after a command still gets the reply. Bun's own
 * sockets are used directly, since they accept several times as many connections per second as its `node:net`.
 *
 * @module
 */
import {
  asError,
  type Connection,
  type ConnectionHandlers,
  connectionOver,
  type SocketEvents,
  type SocketOptions,
} from "./connection.ts";

export type { Connection, ConnectionHandlers, SocketOptions } from "./connection.ts";
export { END_LINGER_MS, HIGH_WATER_MARK } from "./connection.ts";

export interface Listener {
  /** Stops listening and removes the socket file. Accepted connections stay. A passed descriptor's file stays, too. */
  close(): void;
}

/** A socket could not be connected to or listened on. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  /** The system's name of the failure, e.g. `ENOENT`. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

interface BunState {
  events: SocketEvents | undefined;
}

function bunHandlers(
  accept: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions,
): Bun.SocketHandler<BunState> {
  return {
    open(socket) {
      const state: BunState = { events: undefined };
      socket.data = state;
      state.events = connectionOver(socket, accept, options);
    },
    data: (socket, chunk) => socket.data.events?.data(chunk),
    end: (socket) => socket.data.events?.end(),
    drain: (socket) => socket.data.events?.writable(),
    error: (socket, error) => socket.data.events?.error(error),
    close: (socket, error) => socket.data.events?.close(error),
  };
}

/**
 * Listens on a path that does not exist yet, or on a listening descriptor that was passed to the process. Bun only.
 *
 * @param accept called for every connection, before any of its data
 * @throws {SocketError} with the system's code, e.g. `EADDRINUSE` for a path that exists, `EACCES`
 */
export function listenUnix(
  where: { readonly path: string } | { readonly fd: number },
  accept: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions = {},
): Listener {
  const place = "path" in where ? { unix: where.path } : { fd: where.fd };
  try {
    const listener = Bun.listen<BunState>({
      ...(place as { unix: string }), // Bun takes a descriptor, too, though its types do not say so
      allowHalfOpen: true,
      socket: bunHandlers(accept, options),
    });
    return { close: () => listener.stop(false) };
  } catch (cause) {
    const at = "path" in where ? where.path : `descriptor ${where.fd}`;
    throw socketError(`Cannot listen on ${at}`, cause);
  }
}

/** Further attempts when a connection is refused: a full backlog looks like an absent listener. Waits double. */
export const CONNECT_RETRIES = 5;
const CONNECT_RETRY_MS = 2;

/**
 * Connects to a listening socket.
 *
 * @param open gives the handlers of the connection, before any of its data
 * @throws {SocketError} with the system's code, e.g. `ENOENT`, `ECONNREFUSED`, `EACCES`
 */
export async function connectUnix(
  path: string,
  open: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions = {},
): Promise<Connection> {
  // An empty path is one that leads nowhere; the runtimes complain about their arguments instead.
  if (path === "") throw socketError("Cannot connect to an empty path", { code: "ENOENT" });
  const attempt = typeof Bun === "undefined" ? (await import("./unix-socket-node.ts")).connectNode : connectBun;
  for (let retry = 0; ; retry++) {
    try {
      return await attempt(path, open, options);
    } catch (cause) {
      const error = socketError(`Cannot connect to ${path}`, cause);
      if (error.code !== "ECONNREFUSED" && error.code !== "EAGAIN") throw error;
      if (retry === CONNECT_RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS << retry));
    }
  }
}

async function connectBun(
  path: string,
  open: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions,
): Promise<Connection> {
  const socket = await Bun.connect<BunState>({ unix: path, allowHalfOpen: true, socket: bunHandlers(open, options) });
  const events = socket.data.events;
  if (events === undefined) throw new Error("The socket was not opened");
  return events.connection;
}

function socketError(attempted: string, cause: unknown): SocketError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const name = typeof code === "string" ? code : "EIO";
  return new SocketError(`${attempted}: ${explanations[name] ?? asError(cause).message} (${name})`, name, { cause });
}

const explanations: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ECONNREFUSED: "nobody listens there, is the daemon running?",
  EACCES: "permission denied, is this user in the right group?",
  EADDRINUSE: "the file exists already",
  EINVAL: "the path is not usable, it may be longer than 107 bytes",
};
