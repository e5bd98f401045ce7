/**
 * What one connection to the console daemon says, and how it is answered (console.md 3).
 *
 * @module
 */
import type { Command, Header } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { CommandHandlers, CommandResult } from "../common/command-session.ts";
import type { Log } from "../common/log.ts";
import { type ConsoleService, nameUsed, pathUsed, type Subscription } from "./console-service.ts";

/** Longest command, bytes: names are file names, so they are short. */
export const COMMAND_MAX = 4096;

export class ConsoleHandlers implements CommandHandlers {
  readonly #connection: Connection;
  readonly #service: ConsoleService;
  readonly #log: Log;
  #subscription: Subscription | undefined;

  constructor(connection: Connection, service: ConsoleService, log: Log) {
    this.#connection = connection;
    this.#service = service;
    this.#log = log;
  }

  get streaming(): boolean {
    return this.#subscription !== undefined;
  }

  command({ name }: Header, command: Command): CommandResult {
    if (this.#subscription !== undefined) return { keep: false }; // a subscriber that says anything is done
    switch (command.kind) {
      case "console-add":
        if (name.isPath) return { reply: pathUsed, keep: false };
        return { reply: this.#service.add(name, command.limit), keep: true };
      case "console-subscribe": {
        if (name.isPath) return { reply: pathUsed, keep: false };
        const { reply, subscription } = this.#service.subscribe(name, command.from, this.#connection);
        if (subscription === undefined) return { reply, keep: false };
        this.#subscription = subscription;
        return { reply, keep: true, answered: () => subscription.sendHistory() };
      }
      case "console-inactive":
        return { reply: name.isPath ? this.#service.inactive(name) : nameUsed, keep: false };
      default:
        this.#log.warning(`closing a connection: ${command.kind} is no command for a console`);
        return { keep: false };
    }
  }

  drained(): void {
    this.#subscription?.drained();
  }

  stopped(): void {
    this.#subscription?.end();
    this.#subscription = undefined;
  }
}
