/**
 * One connection to a daemon that answers commands: frames in, answers out, and when it ends.
 *
 * @module
 */
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FrameReader, FramingError } from "../../core/wire/framing.ts";
import type { Command, Data, Header, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection, ConnectionHandlers } from "../../runtime/unix-socket.ts";
import type { Log } from "./log.ts";

/** How long the rest of a command may take once its beginning has come: milliseconds. */
export const COMMAND_TIMEOUT_MS = 5_000;

/** Bytes of answers not taken by a client, beyond which no further command of it is looked at. */
export const ANSWERS_MAX = 256 * 1024;

/** What becomes of a command. */
export interface CommandResult {
  /** The answer; none unless given. */
  readonly reply?: Payload;
  /** Whether further commands are taken; otherwise the connection is closed after the answer. */
  readonly keep: boolean;
  /** Called when the answer is on its way, before anything else happens. */
  readonly answered?: () => void;
}

/** What answers the commands of one connection. */
export interface CommandHandlers {
  command(header: Header, command: Command): CommandResult;
  /** Takes data of a peer that sends some; gives whether more may come. Data closes the connection where this is missing. */
  data?(header: Header, data: Data): boolean;
  /** Whether the connection carries a stream of data, so that answers are not all that may be queued. */
  readonly streaming?: boolean;
  /** Everything queued for the client was taken. */
  drained?(): void;
  /** No more commands will come: the connection is being closed, or gone. May be called more than once. */
  stopped(): void;
}

export interface CommandSessionOptions {
  readonly log: Log;
  /** Longest command, bytes. */
  readonly commandMax: number;
  /** Called with every valid command. */
  readonly spoke?: () => void;
  /** Told of every command that was carried out, e.g. a `RequestMeter`; seconds. */
  readonly observe?: ((kind: string, result: "success" | "failure", seconds: number) => void) | undefined;
  /** Called once when the connection is gone. */
  readonly left: () => void;
}

export class CommandSession implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #handlers: CommandHandlers;
  readonly #options: CommandSessionOptions;
  readonly #frames: FrameReader;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(connection: Connection, handlers: CommandHandlers, options: CommandSessionOptions) {
    this.#connection = connection;
    this.#handlers = handlers;
    this.#options = options;
    this.#frames = new FrameReader(options.commandMax);
  }

  data(chunk: Uint8Array): void {
    this.#frames.push(chunk);
    this.#work();
  }

  drain(): void {
    this.#handlers.drained?.();
    this.#connection.resume();
    this.#work();
  }

  end(): void {
    if (!this.#frames.between) this.#options.log.debug("a connection ended in the middle of a command");
    this.#finish();
  }

  close(error: Error | undefined): void {
    if (error !== undefined) this.#options.log.debug(`a connection was lost: ${error.message}`);
    this.#stop();
    this.#options.left();
  }

  #work(): void {
    try {
      while (!this.#over) {
        if (this.#handlers.streaming !== true && this.#connection.pending > ANSWERS_MAX) {
          this.#connection.pause(); // until it has taken its answers
          return;
        }
        const bytes = this.#frames.next();
        if (bytes === undefined) break;
        const { header, payload } = decodeMessage(bytes);
        if (payload.kind === "command") this.#carryOut(header, payload.command);
        else if (payload.kind !== "data" || !this.#takeData(header, payload.data)) this.#finish();
      }
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof FramingError)) throw error;
      this.#options.log.warning(`closing a connection: ${error.message}`);
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
        this.#options.log.warning("closing a connection: the rest of a command did not come in time");
        this.#finish();
      }, COMMAND_TIMEOUT_MS);
    }
  }

  #carryOut(header: Header, command: Command): void {
    const begun = performance.now();
    const { reply, keep, answered } = this.#handlers.command(header, command);
    const result = reply?.kind === "failure" ? "failure" : "success";
    this.#options.observe?.(command.kind, result, (performance.now() - begun) / 1000);
    this.#options.spoke?.();
    if (reply !== undefined) this.#connection.send(encodeFrame({ header, payload: reply }));
    if (keep) answered?.();
    else this.#finish();
  }

  #takeData(header: Header, data: Data): boolean {
    this.#options.spoke?.();
    return this.#handlers.data?.(header, data) === true;
  }

  #finish(): void {
    this.#stop();
    this.#connection.end();
  }

  #stop(): void {
    this.#over = true;
    clearTimeout(this.#timeout);
    this.#handlers.stopped();
  }
}
