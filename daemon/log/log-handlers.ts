/**
 * What one connection to the log daemon says, and how it is answered. Its first message makes it a feeder or a
 * subscriber.
 *
 * @module
 */
import type { Command, Data, Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { CommandHandlers, CommandResult } from "../common/command-session.ts";
import type { Log } from "../common/log.ts";
import type { Feeder } from "./journal.ts";
import type { LogReader } from "./log-reader.ts";
import type { LogService } from "./log-service.ts";

export class LogHandlers implements CommandHandlers {
  readonly #connection: Connection;
  readonly #service: LogService;
  readonly #log: Log;
  #reader: LogReader | undefined;
  #feeder: Feeder | undefined;

  constructor(connection: Connection, service: LogService, log: Log) {
    this.#connection = connection;
    this.#service = service;
    this.#log = log;
  }

  get streaming(): boolean {
    return this.#reader !== undefined;
  }

  command({ name }: Header, command: Command): CommandResult {
    // A subscriber that says anything is done.
    if (this.#reader !== undefined || this.#feeder !== undefined) return { keep: false };
    if (command.kind !== "log-subscribe") {
      this.#log.warning(`closing a connection: ${command.kind} is no command for the log`);
      return { keep: false };
    }
    const { reply, reader } = this.#service.subscribe(name, command.from, this.#connection);
    if (reader === undefined) return { reply, keep: false };
    this.#reader = reader;
    this.#log.debug(`subscriber of ${name.toDisplay()}`);
    return { reply, keep: true, answered: () => reader.start() };
  }

  data(header: Header, data: Data): boolean {
    if (this.#reader !== undefined || data.kind !== "log") return false;
    const { kind } = data.event;
    if (kind === "startup" || kind === "hup" || kind === "caught-up") {
      this.#log.warning(`closing a connection: ${kind} is an event of the log itself`);
      return false;
    }
    this.#feeder ??= this.#makeFeeder();
    const { timestamp, event } = data;
    this.#service.take({ timestamp, event }, { header, feeder: this.#feeder }, this.#connection);
    return true;
  }

  #makeFeeder(): Feeder {
    const connection = this.#connection;
    let answers: Uint8Array[] = [];
    return {
      acknowledge: (header) => {
        answers.push(encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }));
      },
      flush() {
        connection.send(Buffer.concat(answers));
        answers = [];
      },
    };
  }

  drained(): void {
    this.#reader?.drained();
  }

  stopped(): void {
    if (this.#reader !== undefined) this.#service.unsubscribe(this.#reader);
    this.#reader = undefined;
    this.#service.left(this.#connection);
  }
}
