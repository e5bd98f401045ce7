/**
 * The interface between the TLS endpoint and what carries the bytes of its clients: TCP, or something else.
 *
 * TLS is spoken on top of every transport, so none can say who a client is.
 *
 * @module
 */
import type { Connection, ConnectionHandlers } from "../runtime/connection.ts";

export type { Connection, ConnectionHandlers } from "../runtime/connection.ts";

/**
 * Takes a new connection.
 *
 * @param address the client's, for logs, and for the limit of connections from one address
 * @param port the client's, where there is such a thing
 */
export type AcceptConnection = (connection: Connection, address: string, port?: number) => ConnectionHandlers;

/** Where connections come from. */
export interface TransportListener {
  /** Where it listens, for logs: `:: port 1025`. */
  readonly where: string;
  /** Takes no more connections; those that there are go on. */
  close(): void;
}

/** Carries the bytes of clients. */
export interface Transport {
  /** Short unique name: `tcp`. */
  readonly name: string;
  /**
   * Begins to take connections.
   *
   * @throws with what is to be done
   */
  listen(accept: AcceptConnection): TransportListener | Promise<TransportListener>;
}
