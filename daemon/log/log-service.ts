/**
 * What the log does for its connections: takes events of feeders, and serves subscribers.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { formatLogId } from "../../core/log/cursor.ts";
import type { TimedEvent } from "../../core/log/event.ts";
import type { Name } from "../../core/name.ts";
import type { LogHistory, Payload } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import type { Entry, Journal, Source } from "./journal.ts";
import { LogReader } from "./log-reader.ts";

/** Subscribers at a time. */
export const READERS_MAX = 1024;

/** Subscribers at a time of one and the same name: nobody takes all places for a path of his own. */
export const READERS_PER_NAME_MAX = 64;

export class LogService {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #readers = new Map<LogReader, Name>();
  readonly #held = new Set<Connection>();
  #journal: Journal | undefined;

  /** @param now milliseconds since 1970 */
  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Serves from this journal. To be called before anything else. */
  set journal(journal: Journal) {
    this.#journal = journal;
    journal.relieved = () => {
      if (journal.isBehind) return;
      for (const connection of this.#held) connection.resume();
      this.#held.clear();
    };
  }

  get #present(): Journal {
    if (this.#journal === undefined) throw new TypeError("The log service has no journal");
    return this.#journal;
  }

  /** Takes an event; the feeder is told when it is on the disk. A connection that feeds too fast is held back. */
  take(event: TimedEvent, source: Source, connection: Connection): void {
    this.#present.append(event, source);
    if (!this.#present.isBehind) return;
    connection.pause();
    this.#held.add(connection);
  }

  /** A feeder has gone. */
  left(connection: Connection): void {
    this.#held.delete(connection);
  }

  /** Passes on events that are on the disk now. */
  committed(entries: readonly Entry[]): void {
    for (const reader of this.#readers.keys()) reader.deliver(entries);
  }

  /**
   * Subscribes to the events about `name` and below it.
   *
   * @returns the answer, and the subscription unless that is a refusal
   */
  subscribe(name: Name, from: LogHistory, connection: Connection): { reply: Payload; reader?: LogReader } {
    const alike = [...this.#readers.values()].filter(({ key }) => key === name.key).length;
    if (this.#readers.size >= READERS_MAX || alike >= READERS_PER_NAME_MAX) {
      return { reply: { kind: "failure", text: fromText("too many subscribers of the log, try again later") } };
    }
    const journal = this.#present;
    const failed = (path: string, error: unknown) => {
      this.#log.error(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
    };
    const reader = new LogReader({ journal, connection, name, now: this.#now, failed }, from);
    this.#readers.set(reader, name);
    const text = formatLogId(journal.identity);
    return { reply: { kind: "success", success: { kind: "string", text } }, reader };
  }

  unsubscribe(reader: LogReader): void {
    reader.end();
    this.#readers.delete(reader);
  }
}
