/**
 * Stream sockets of the internet: listening, connecting, and taking a connection that was passed to the process. Bun
 * only.
 *
 * They differ from sockets in the file system in how they end: closing one while the peer still sends makes the system
 * drop what the peer has not read yet, and with it the answer that says why. So at the end our side is shut, and what
 * still comes is read and dropped for a while.
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
import { type Listener, SocketError } from "./unix-socket.ts";

/** How long a peer may take to close a connection after we did, milliseconds. */
export const CLOSE_LINGER_MS = 2_000;

/** What a peer may still send meanwhile, bytes. */
export const CLOSE_LINGER_BYTES = 32 * 1024 * 1024;

/** After how long without traffic the system asks whether the peer is still there, milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** A listening socket. */
export interface TcpListener extends Listener {
  /** The port, also if it was chosen by the system. */
  readonly port: number;
}

/**
 * Takes a new connection. `address` is the peer's, IPv4 ones in their own notation; empty if it is gone already. `port` is
 * the peer's, too.
 */
export type AcceptTcp = (connection: Connection, address: string, port: number) => ConnectionHandlers;

interface State {
  events: SocketEvents | undefined;
  /** Set once our side is shut: bytes that may still come. */
  lingering: number | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const MAPPED = "::ffff:";

function handlers(accept: AcceptTcp, options: SocketOptions): Bun.SocketHandler<State> {
  return {
    open(socket) {
      const state: State = { events: undefined, lingering: undefined, timer: undefined };
      socket.data = state;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      const raw = {
        write: (bytes: Uint8Array) => socket.write(bytes),
        end() {
          if (state.lingering !== undefined) return;
          state.lingering = CLOSE_LINGER_BYTES;
          state.timer = setTimeout(() => socket.terminate(), CLOSE_LINGER_MS);
          socket.resume(); // or the peer's close would not be seen
          socket.shutdown();
        },
        terminate: () => socket.terminate(),
        pause: () => void socket.pause(),
        resume: () => void socket.resume(),
      };
      const address = socket.remoteAddress ?? "";
      const plain = address.startsWith(MAPPED) && address.includes(".") ? address.slice(MAPPED.length) : address;
      const port = socket.remotePort ?? 0;
      state.events = connectionOver(raw, (connection) => accept(connection, plain, port), options);
    },
    data(socket, chunk) {
      const state = socket.data;
      if (state.lingering === undefined) return state.events?.data(chunk);
      state.lingering -= chunk.length;
      if (state.lingering < 0) socket.terminate();
    },
    end(socket) {
      if (socket.data.lingering !== undefined) socket.end();
      else socket.data.events?.end();
    },
    drain: (socket) => socket.data.events?.writable(),
    error: (socket, error) => socket.data.events?.error(error),
    close(socket, error) {
      clearTimeout(socket.data.timer);
      socket.data.events?.close(error);
    },
  };
}

/**
 * Listens on an address and a port, or on a listening descriptor that was passed to the process. An address of IPv6
 * also accepts IPv4; an address in use by connections of an earlier process may be taken again.
 *
 * @throws {SocketError} with the system's code, e.g. `EADDRINUSE`, `EACCES`
 */
export function listenTcp(
  where: { readonly address: string; readonly port: number } | { readonly fd: number },
  accept: AcceptTcp,
  options: SocketOptions = {},
): TcpListener {
  const place = "fd" in where ? { fd: where.fd } : { hostname: where.address, port: where.port };
  try {
    const listener = Bun.listen<State>({
      ...(place as { hostname: string; port: number }), // Bun takes a descriptor, too, though its types do not say so
      allowHalfOpen: true,
      socket: handlers(accept, options),
    });
    return { close: () => listener.stop(false), port: listener.port };
  } catch (cause) {
    const at = "fd" in where ? `descriptor ${where.fd}` : `${where.address} port ${where.port}`;
    throw failure(`Cannot listen on ${at}`, cause);
  }
}

/**
 * Takes a connected socket that was passed to the process, as inetd does.
 *
 * @throws {SocketError} if it is none
 */
export async function takeTcp(fd: number, accept: AcceptTcp, options: SocketOptions = {}): Promise<void> {
  try {
    await Bun.connect<State>({
      ...({ fd } as unknown as { hostname: string; port: number }), // as above
      allowHalfOpen: true,
      socket: handlers(accept, options),
    });
  } catch (cause) {
    throw failure(`Cannot use descriptor ${fd} as a connection`, cause);
  }
}

/**
 * Connects to a host, by name or address.
 *
 * @throws {SocketError} with the system's code, e.g. `ECONNREFUSED`, `ENOTFOUND`
 */
export async function connectTcp(
  host: string,
  port: number,
  open: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions = {},
): Promise<Connection> {
  try {
    const socket = await Bun.connect<State>({
      hostname: host,
      port,
      allowHalfOpen: true,
      socket: handlers((connection) => open(connection), options),
    });
    const { events } = socket.data;
    if (events === undefined) throw new Error("The socket was not opened");
    return events.connection;
  } catch (cause) {
    throw failure(`Cannot connect to ${host} port ${port}`, cause);
  }
}

function failure(attempted: string, cause: unknown): SocketError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const name = typeof code === "string" ? code : "EIO";
  return new SocketError(`${attempted}: ${explanations[name] ?? asError(cause).message} (${name})`, name, { cause });
}

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there already",
  EADDRNOTAVAIL: "this host does not have that address",
  EACCES: "permission denied, ports below 1024 need privileges",
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "there is no such host",
};
