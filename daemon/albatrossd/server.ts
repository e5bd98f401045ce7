/**
 * The sessions of `vmmd.sock`.
 *
 * @module
 */
import type { Listener } from "../../runtime/unix-socket.ts";
import { descriptorLimit } from "../common/descriptor-limit.ts";
import { type ListenWhere, listenDaemon } from "../common/listen.ts";
import { CommandMemory } from "./command-memory.ts";
import { type Commands, Session } from "./session.ts";

/** Connections at a time; further ones are closed at once. Less where there are fewer descriptors. */
export const CONNECTIONS_MAX = 1_024;

/** Milliseconds after which a connection that sends no command is closed. */
export const IDLE_TIMEOUT_MS = 60_000;

const SWEEP_INTERVAL_MS = 10_000;

/** Times of a {@link Server}, in milliseconds; for tests. */
export interface ServerTimes {
  readonly idleTimeout: number;
  readonly sweepInterval: number;
}

/** The listening socket and its sessions. */
export class Server {
  readonly #sessions = new Set<Session>();
  readonly #commands: Commands;
  readonly #memory: CommandMemory;
  readonly #times: ServerTimes;
  /** The other descriptors are for fifos, images and block devices. */
  readonly #limit = Math.min(CONNECTIONS_MAX, Math.floor(descriptorLimit() / 2));
  #listener: Listener | undefined;
  #accepted = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(
    commands: Commands,
    times: ServerTimes = { idleTimeout: IDLE_TIMEOUT_MS, sweepInterval: SWEEP_INTERVAL_MS },
    memory: CommandMemory = new CommandMemory(),
  ) {
    this.#memory = memory;
    this.#commands = commands;
    this.#times = times;
  }

  /** Connections now, and ever accepted. */
  get counts(): { readonly active: number; readonly total: number } {
    return { active: this.#sessions.size, total: this.#accepted };
  }

  /** Starts accepting. @throws if the socket cannot be bound */
  async listen(where: ListenWhere): Promise<void> {
    this.#listener = await listenDaemon(where, (connection) => {
      const forget = (closed: Session) => this.#sessions.delete(closed);
      const session = new Session(connection, this.#commands, this.#memory.share(), forget);
      if (this.#sessions.size >= this.#limit) {
        this.#commands.log(`refusing a connection: ${this.#limit} are open`);
        connection.destroy();
      }
      this.#sessions.add(session);
      this.#accepted++;
      // The timer exists only while somebody is connected: an idle daemon sleeps.
      this.#sweep ??= setInterval(() => this.#closeIdle(), this.#times.sweepInterval);
      return session;
    });
  }

  #closeIdle(): void {
    const oldest = performance.now() - this.#times.idleTimeout;
    for (const session of this.#sessions) if (session.idle && session.lastActive < oldest) session.abandon();
    if (this.#sessions.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Stops accepting; sessions go on. */
  stopListening(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Ends all sessions. */
  close(): void {
    this.stopListening();
    clearInterval(this.#sweep);
    for (const session of this.#sessions) session.abandon();
  }
}
