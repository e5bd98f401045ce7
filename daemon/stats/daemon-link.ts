/**
 * The connection to albatrossd, on which that tells of every start and end (stats.md 2): we connect, and then it asks.
 *
 * @module
 */

import { Name } from "../../core/name.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FrameReader, FramingError } from "../../core/wire/framing.ts";
import type { Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { type Connection, type ConnectionHandlers, connectUnix, SocketError } from "../../runtime/unix-socket.ts";
import { CommandSession } from "../common/command-session.ts";
import type { Log } from "../common/log.ts";
import { CONFIRM_MS } from "./registry.ts";
import { COMMAND_MAX, StatsHandlers, type StatsService } from "./stats-handlers.ts";

/** Milliseconds until the next attempt to connect. */
export const RECONNECT_MS = 1_000;

/** Milliseconds to wait for the answer to the first message. */
export const ANSWER_TIMEOUT_MS = 5_000;

export interface DaemonLinkOptions {
  /** The socket of albatrossd. */
  readonly path: string;
  readonly service: StatsService;
  readonly log: Log;
  /** Those of this file and {@link CONFIRM_MS}, unless given; for tests. */
  readonly times?: LinkTimes;
}

/** Times of a {@link DaemonLink}, in milliseconds. */
export interface LinkTimes {
  readonly reconnect: number;
  readonly answer: number;
  readonly confirm: number;
}

/** Keeps connected for ever. */
export class DaemonLink {
  readonly #options: DaemonLinkOptions;
  readonly #times: LinkTimes;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Connections that albatrossd has accepted. */
  #generation = 0;
  /** Why there is no connection, as it was logged: once for each reason. */
  #reported: string | undefined;

  constructor(options: DaemonLinkOptions) {
    this.#options = options;
    this.#times = options.times ?? { reconnect: RECONNECT_MS, answer: ANSWER_TIMEOUT_MS, confirm: CONFIRM_MS };
    void this.#connect();
  }

  /** Closes the connection for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#connection?.destroy();
  }

  async #connect(): Promise<void> {
    const { path } = this.#options;
    try {
      const connection = await connectUnix(path, (opened) => this.#handlers(opened));
      this.#connection = connection;
      if (this.#closed) return connection.destroy();
      const command = { kind: "statistics-initial" } as const;
      connection.send(
        encodeFrame({ header: { sequence: 0n, name: Name.root }, payload: { kind: "command", command } }),
      );
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      this.#lost(error.message);
    }
  }

  #handlers(connection: Connection): ConnectionHandlers {
    const reader = new FrameReader(COMMAND_MAX);
    let session: CommandSession | undefined;
    let reason = "it closed the connection";
    const refuse = (text: string) => {
      reason = text;
      connection.destroy();
    };
    const { answer } = this.#times;
    const timeout = setTimeout(() => refuse(`no answer within ${answer} ms`), answer);
    const greet = () => {
      const bytes = reader.next();
      if (bytes === undefined) return reader.ended ? refuse("it ended the conversation") : undefined;
      const { header, payload } = decodeMessage(bytes);
      if (header.sequence !== 0n || !isEmptySuccess(payload)) return refuse(`it answered ${describe(payload)}`);
      clearTimeout(timeout);
      session = this.#accepted(connection);
      session.data(reader.rest());
    };
    return {
      data(chunk) {
        if (session !== undefined) return session.data(chunk);
        reader.push(chunk);
        try {
          greet();
        } catch (error) {
          if (!(error instanceof DecodeError || error instanceof FramingError)) throw error;
          refuse(error.message);
        }
      },
      end: () => (session === undefined ? connection.destroy() : session.end()),
      drain: () => session?.drain(),
      close: (error) => {
        clearTimeout(timeout);
        session?.close(error);
        this.#lost(error?.message ?? reason);
      },
    };
  }

  #accepted(connection: Connection): CommandSession {
    const { log, service } = this.#options;
    const generation = ++this.#generation;
    this.#reported = undefined;
    log.info("connected to albatrossd");
    // What it does not name now has ended while nobody told us.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => service.registry.forgetBefore(generation), this.#times.confirm);
    const handlers = new StatsHandlers(connection, service, generation);
    return new CommandSession(connection, handlers, { log, commandMax: COMMAND_MAX, left: () => undefined });
  }

  #lost(reason: string): void {
    this.#connection = undefined;
    if (this.#closed) return;
    if (this.#reported !== reason) {
      const retry = `trying again every ${this.#times.reconnect} ms`;
      this.#options.log.warning(`not connected to albatrossd, ${retry}: ${reason}`);
    }
    this.#reported = reason;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), this.#times.reconnect);
  }
}

function isEmptySuccess(payload: Payload): boolean {
  return payload.kind === "success" && payload.success.kind === "empty";
}

function describe(payload: Payload): string {
  return payload.kind === "failure" ? `with a failure: ${payload.text}` : `with something unexpected (${payload.kind})`;
}
