/**
 * The listening side of the console daemon: accepts connections and bounds their number.
 *
 * @module
 */
import type { Connection, ConnectionHandlers } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import type { ConsoleService } from "./console-service.ts";
import { Session } from "./session.ts";

/** Connections at a time; further ones are closed at once. Less where there are fewer descriptors. */
export const CONNECTIONS_MAX = 4096;

/** Connections at a time that have not said anything yet; the oldest makes room for a further one. */
export const SILENT_MAX = 128;

export class ConsoleServer {
  readonly #service: ConsoleService;
  readonly #log: Log;
  readonly #limit: number;
  readonly #connections = new Set<Connection>();
  /** Those that have not said anything yet, oldest first. */
  readonly #silent = new Set<Connection>();

  /** @param limit connections at a time, at most {@link CONNECTIONS_MAX} */
  constructor(service: ConsoleService, log: Log, limit: number = CONNECTIONS_MAX) {
    this.#limit = Math.min(limit, CONNECTIONS_MAX);
    this.#service = service;
    this.#log = log;
  }

  /** Takes a new connection. */
  accept(connection: Connection): ConnectionHandlers {
    if (this.#connections.size >= this.#limit) {
      this.#log.warning(`refusing a connection: there are ${this.#limit} already`);
      connection.destroy();
      return { data: () => undefined, close: () => undefined };
    }
    for (const oldest of this.#silent) {
      if (this.#silent.size < SILENT_MAX) break;
      this.#log.warning(`closing a connection that has said nothing: there are ${SILENT_MAX} of them`);
      this.#silent.delete(oldest);
      oldest.destroy();
    }
    this.#connections.add(connection);
    this.#silent.add(connection);
    const spoke = () => void this.#silent.delete(connection);
    const left = () => {
      this.#silent.delete(connection);
      this.#connections.delete(connection);
    };
    return new Session(connection, this.#service, this.#log, spoke, left);
  }

  /** Closes all connections. */
  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}
