/**
 * The connection to albatross-console, kept up for ever: whichever of the two is restarted, consoles go on.
 *
 * @module
 */
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { connectUnix } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import { PeerError, PeerLink } from "./peer-link.ts";

/** First and longest pause between attempts to connect, milliseconds. */
export const RECONNECT_FIRST_MS = 100;
export const RECONNECT_LAST_MS = 2_000;

/** How long a create waits for a console daemon that is being restarted, milliseconds. */
export const CONSOLE_PATIENCE_MS = 1_000;

/** A unikernel whose fifo the console daemon is to read. */
export interface ConsoleEntry {
  readonly name: Name;
  readonly limit: Int;
}

/** What the link has to know of albatrossd. */
export interface ConsoleSide {
  /** All that run at the moment: told to a console daemon that (re)appears. */
  running(): Iterable<ConsoleEntry>;
  /** A console daemon (re)appeared and was told of everything. */
  connected(): void;
}

/** Tells albatross-console which fifos to read. */
export class ConsoleLink {
  readonly #path: string;
  readonly #log: Log;
  readonly #side: ConsoleSide;
  #connecting = false;
  #link: PeerLink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pause = RECONNECT_FIRST_MS;
  #stopped = false;
  /** Who waits for a connection. */
  readonly #waiting = new Set<() => void>();
  #disconnect: () => void = () => undefined;

  constructor(path: string, side: ConsoleSide, log: Log) {
    this.#path = path;
    this.#side = side;
    this.#log = log;
  }

  /** Connects now, and again whenever the connection is lost. @returns whether the first attempt succeeded */
  async start(): Promise<boolean> {
    await this.#connect();
    return this.#link !== undefined;
  }

  /** Whether there is a connection at the moment. */
  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Ends the connection for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#disconnect();
  }

  /**
   * Has the console daemon read the fifo of `entry`, waiting a moment for a daemon that is just being restarted.
   *
   * @throws {PeerError}
   */
  async add(entry: ConsoleEntry): Promise<void> {
    if (this.#link === undefined) await this.#wait();
    if (this.#link === undefined) throw new PeerError(`no console daemon listens on ${this.#path}`);
    await this.#link.request(entry.name, { kind: "console-add", limit: entry.limit });
  }

  async #wait(): Promise<void> {
    this.#pause = RECONNECT_FIRST_MS; // somebody needs it now
    this.#schedule();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CONSOLE_PATIENCE_MS);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, RECONNECT_LAST_MS);
  }

  async #connect(): Promise<void> {
    if (this.#stopped || this.#connecting || this.#link !== undefined) return;
    this.#connecting = true; // somebody in a hurry must not make a second connection
    try {
      await connectUnix(this.#path, (connection) => {
        const link = new PeerLink(connection);
        this.#link = link;
        this.#disconnect = () => connection.destroy();
        return {
          data: (chunk) => link.receive(chunk),
          end: () => connection.destroy(),
          close: (error) => this.#lost(link, error?.message ?? "the console daemon closed the connection"),
        };
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.debug(`cannot connect to the console daemon yet: ${reason}`);
      this.#schedule();
      return;
    } finally {
      this.#connecting = false;
    }
    this.#pause = RECONNECT_FIRST_MS;
    for (const resolve of this.#waiting) resolve();
    await this.#announce();
    this.#side.connected();
  }

  /** Tells a console daemon that (re)appeared of all that run. */
  async #announce(): Promise<void> {
    for (const entry of [...this.#side.running()]) {
      try {
        await this.#link?.request(entry.name, { kind: "console-add", limit: entry.limit });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warning(`console of ${entry.name.toDisplay()} could not be reopened: ${reason}`);
      }
    }
  }

  #lost(link: PeerLink, reason: string): void {
    link.closed(reason);
    if (this.#link !== link) return;
    this.#link = undefined;
    if (this.#stopped) return;
    this.#log.warning(`lost the console daemon (${reason}), trying to reach it again`);
    this.#schedule();
  }
}
