/**
 * The connections to a daemon that answers commands: accepts them and bounds their number.
 *
 * @module
 */
import type { Connection, ConnectionHandlers } from "../../runtime/unix-socket.ts";
import { type CommandHandlers, CommandSession, type CommandSessionOptions } from "./command-session.ts";
import type { Log } from "./log.ts";

/** Connections at a time; further ones are closed at once. Less where there are fewer descriptors. */
export const CONNECTIONS_MAX = 4096;

/** Connections at a time that have not said anything yet; the oldest makes room for a further one. */
export const SILENT_MAX = 128;

export interface CommandServerOptions {
  /** Makes what answers the commands of a connection. */
  readonly serve: (connection: Connection) => CommandHandlers;
  readonly log: Log;
  /** Longest command, bytes. */
  readonly commandMax: number;
  /** As in {@link CommandSessionOptions}. */
  readonly observe?: CommandSessionOptions["observe"];
  /** Connections at a time, at most {@link CONNECTIONS_MAX}. */
  readonly limit?: number;
}

export class CommandServer {
  readonly #options: CommandServerOptions;
  readonly #limit: number;
  readonly #connections = new Set<Connection>();
  /** Those that have not said anything yet, oldest first. */
  readonly #silent = new Set<Connection>();
  #total = 0;

  constructor(options: CommandServerOptions) {
    this.#options = options;
    this.#limit = Math.min(options.limit ?? CONNECTIONS_MAX, CONNECTIONS_MAX);
  }

  /** Connections now, and ever accepted. */
  get counts(): { readonly active: number; readonly total: number } {
    return { active: this.#connections.size, total: this.#total };
  }

  /** Takes a new connection. */
  accept(connection: Connection): ConnectionHandlers {
    const { log, serve, commandMax, observe } = this.#options;
    if (this.#connections.size >= this.#limit) {
      log.warning(`refusing a connection: there are ${this.#limit} already`);
      connection.destroy();
      return { data: () => undefined, close: () => undefined };
    }
    for (const oldest of this.#silent) {
      if (this.#silent.size < SILENT_MAX) break;
      log.warning(`closing a connection that has said nothing: there are ${SILENT_MAX} of them`);
      this.#silent.delete(oldest);
      oldest.destroy();
    }
    this.#total++;
    this.#connections.add(connection);
    this.#silent.add(connection);
    const spoke = () => void this.#silent.delete(connection);
    const left = () => {
      this.#silent.delete(connection);
      this.#connections.delete(connection);
    };
    return new CommandSession(connection, serve(connection), { log, commandMax, spoke, left, observe });
  }

  /** Closes all connections. */
  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}
