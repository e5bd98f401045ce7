/**
 * One connection to the console daemon: frames in, answers out, and when it ends (console.md 3).
 *
 * @module
 */
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FrameReader, FramingError } from "../../core/wire/framing.ts";
import type { Message, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection, ConnectionHandlers } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import { type ConsoleService, nameUsed, pathUsed, type Subscription } from "./console-service.ts";

/** Longest command, bytes: names are file names, so they are short. */
export const COMMAND_MAX = 4096;

/** How long the rest of a command may take once its beginning has come: milliseconds. */
export const COMMAND_TIMEOUT_MS = 5_000;

/** Bytes of answers not taken by a client, beyond which no further command of it is looked at. */
export const ANSWERS_MAX = 256 * 1024;

export class Session implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #service: ConsoleService;
  readonly #log: Log;
  readonly #left: () => void;
  readonly #spoke: () => void;
  readonly #frames = new FrameReader(COMMAND_MAX);
  #subscription: Subscription | undefined;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** @param spoke called with every valid command; @param left called once when the connection is gone */
  constructor(connection: Connection, service: ConsoleService, log: Log, spoke: () => void, left: () => void) {
    this.#connection = connection;
    this.#service = service;
    this.#log = log;
    this.#spoke = spoke;
    this.#left = left;
  }

  data(chunk: Uint8Array): void {
    this.#frames.push(chunk);
    this.#work();
  }

  drain(): void {
    this.#subscription?.drained();
    this.#connection.resume();
    this.#work();
  }

  end(): void {
    if (!this.#frames.between) this.#log.debug("a connection ended in the middle of a command");
    this.#finish();
  }

  close(error: Error | undefined): void {
    if (error !== undefined) this.#log.debug(`a connection was lost: ${error.message}`);
    this.#stop();
    this.#left();
  }

  #work(): void {
    try {
      while (!this.#over) {
        if (this.#subscription === undefined && this.#connection.pending > ANSWERS_MAX) {
          this.#connection.pause(); // until it has taken its answers
          return;
        }
        const bytes = this.#frames.next();
        if (bytes === undefined) break;
        this.#handle(decodeMessage(bytes));
      }
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof FramingError)) throw error;
      this.#log.warning(`closing a connection: ${error.message}`);
      this.#finish();
    }
    if (this.#frames.ended) this.#finish();
    this.#watchTime();
  }

  /** A command that has begun must be completed in time. */
  #watchTime(): void {
    if (this.#over || this.#frames.between) {
      clearTimeout(this.#timeout);
      this.#timeout = undefined;
    } else if (this.#timeout === undefined) {
      this.#timeout = setTimeout(() => {
        this.#log.warning("closing a connection: the rest of a command did not come in time");
        this.#finish();
      }, COMMAND_TIMEOUT_MS);
    }
  }

  #handle(message: Message): void {
    const { header, payload } = message;
    const { name } = header;
    if (this.#subscription !== undefined) return this.#finish(); // a subscriber that says anything is done
    if (payload.kind !== "command") return this.#finish();
    this.#spoke();
    const { command } = payload;
    switch (command.kind) {
      case "console-add":
        if (name.isPath) return this.#finish(message, pathUsed);
        return this.#answer(message, this.#service.add(name, command.limit));
      case "console-subscribe": {
        if (name.isPath) return this.#finish(message, pathUsed);
        const { reply, subscription } = this.#service.subscribe(name, command.from, this.#connection);
        if (subscription === undefined) return this.#finish(message, reply);
        this.#subscription = subscription;
        this.#answer(message, reply);
        return subscription.sendHistory();
      }
      case "console-inactive":
        return this.#finish(message, name.isPath ? this.#service.inactive(name) : nameUsed);
      default:
        this.#log.warning(`closing a connection: ${command.kind} is no command for a console`);
        return this.#finish();
    }
  }

  #answer({ header }: Message, payload: Payload): void {
    this.#connection.send(encodeFrame({ header, payload }));
  }

  /** Closes the connection, after an answer if one is given. */
  #finish(message?: Message, payload?: Payload): void {
    if (message !== undefined && payload !== undefined) this.#answer(message, payload);
    this.#stop();
    this.#connection.end();
  }

  #stop(): void {
    this.#over = true;
    clearTimeout(this.#timeout);
    this.#subscription?.end();
    this.#subscription = undefined;
  }
}
