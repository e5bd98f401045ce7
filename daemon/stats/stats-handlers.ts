/**
 * What one connection to albatross-stats says, and how it is answered (stats.md 3).
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { Command, Header, Payload, StatisticsCommand } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { CommandHandlers, CommandResult } from "../common/command-session.ts";
import type { Log } from "../common/log.ts";
import { type Origin, type Registry, RegistryError } from "./registry.ts";
import { Subscriber, type Subscriptions } from "./subscriptions.ts";

/** Longest command, bytes: a name, and the interfaces of a unikernel. */
export const COMMAND_MAX = 64 * 1024;

/** What the connections share. */
export interface StatsService {
  readonly registry: Registry;
  readonly subscriptions: Subscriptions;
  readonly log: Log;
}

function success(text: string): CommandResult {
  return { reply: { kind: "success", success: { kind: "string", text: fromText(text) } }, keep: true };
}

function failure(text: string): CommandResult {
  const reply: Payload = { kind: "failure", text: fromText(text) };
  return { reply, keep: false };
}

export class StatsHandlers implements CommandHandlers {
  readonly #service: StatsService;
  readonly #origin: Origin;
  readonly #subscriber: Subscriber;

  constructor(connection: Connection, service: StatsService, origin: Origin) {
    this.#service = service;
    this.#origin = origin;
    this.#subscriber = new Subscriber(connection);
  }

  command({ name }: Header, command: Command): CommandResult {
    const { registry, subscriptions, log } = this.#service;
    switch (command.kind) {
      case "statistics-add":
        return this.#add(name, command);
      case "statistics-remove":
        if (!registry.remove(name)) log.warning(`${name.toDisplay()} was to be removed, but is not known`);
        return success("removed");
      case "statistics-subscribe":
        if (!subscriptions.add(this.#subscriber, name)) return failure("too many subscriptions");
        log.debug(`a subscriber of ${name.toDisplay()}, now there are ${subscriptions.count} subscriptions`);
        return success("subscribed");
      case "statistics-initial":
        return failure("unexpected message initial");
      default:
        return failure("unexpected command");
    }
  }

  stopped(): void {
    this.#service.subscriptions.remove(this.#subscriber);
  }

  #add(name: Name, command: Extract<StatisticsCommand, { kind: "statistics-add" }>): CommandResult {
    const { registry, log } = this.#service;
    const { pid, device, networks } = command;
    // A number beyond what a process can have is no process: it is found to be gone.
    const target = { pid: Number(pid), machine: device, interfaces: networks };
    try {
      registry.add(name, this.#origin, target);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      log.error(`cannot measure ${name.toDisplay()}: ${error.message}`);
      return failure(error.message);
    }
    log.debug(`${name.toDisplay()} is process ${pid}`);
    return success("added");
  }
}
