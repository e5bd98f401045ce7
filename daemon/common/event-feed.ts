/**
 * Tells albatross-log what happens, whether or not it is there: nobody ever waits for it.
 *
 * Events are queued within a bound until the log has acknowledged them, which means that they are on its disk. Each has a
 * number: the log acknowledges in order, and knows by it what it has got already when a connection was lost before the
 * acknowledgement. What finds no place in the queue is counted, and the log is told how many are missing.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { EVENT_MAX, type LogEvent, subjectOf } from "../../core/log/event.ts";
import { socketFile } from "../../core/paths.ts";
import { VERSION } from "../../core/version.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FrameReader, FramingError } from "../../core/wire/framing.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../../runtime/unix-socket.ts";
import type { Log } from "./log.ts";

/** Events that wait for the log or for its acknowledgement; further ones are counted only. */
export const FEED_QUEUE_MAX = 4_096;

/** Bytes of events that wait, likewise. */
export const FEED_BYTES_MAX: number = 4 * 1024 * 1024;

/** Events on their way at a time: sent, but not acknowledged. */
export const FEED_WINDOW = 512;

/** First and longest pause between attempts to reach the log, milliseconds. */
export const FEED_RETRY_FIRST_MS = 100;
export const FEED_RETRY_LAST_MS = 5_000;

/** How long the end of a daemon waits for the last acknowledgements, milliseconds. */
export const FEED_CLOSE_MS = 500;

/** The largest answer of the log, bytes. */
const ANSWER_MAX = 4096;

/** Bytes of the length word of a frame. */
const LENGTH_WORD = 4;

const COUNTER_BITS = 32n;
const COUNTER_MAX = 2 ** 32 - 1;

export interface EventFeedOptions {
  /** The socket of albatross-log. */
  readonly path: string;
  /** Who feeds: the name of the daemon. */
  readonly daemon: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A random number of 32 bits, not 0: tells this feeder from every other. */
  readonly random: () => number;
}

/** The feed of a daemon. */
export function openEventFeed(temporaryDirectory: string, daemon: string, log: Log): EventFeed {
  const path = socketFile(temporaryDirectory, "log");
  return new EventFeed({
    path,
    daemon,
    log,
    now: Date.now,
    random: () => crypto.getRandomValues(new Uint32Array(1))[0] || 1,
  });
}

/** A daemon was started. */
export function daemonStarted(daemon: string): LogEvent {
  return { kind: "daemon-started", daemon: fromText(daemon), pid: process.pid, detail: fromText(VERSION) };
}

/** A daemon ends in order. */
export function daemonStopped(daemon: string, signal: string): LogEvent {
  return { kind: "daemon-stopped", daemon: fromText(daemon), pid: process.pid, detail: fromText(signal) };
}

interface Waiting {
  readonly sequence: bigint;
  readonly frame: Uint8Array;
}

/** A feeder of the event log. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  #prefix: bigint;
  #counter = 0;
  /** The oldest first; the first `#sent` of them are on their way. */
  #queue: Waiting[] = [];
  #sent = 0;
  #bytes = 0;
  /** Events that found no place since the log was told last. */
  #dropped = 0;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = FEED_RETRY_FIRST_MS;
  #closed = false;
  #emptied: (() => void) | undefined;

  /** Connects at once, and again whenever the connection is lost. */
  constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#prefix = BigInt(options.random());
    void this.#connect();
  }

  /** Events that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes an event that has happened just now. Never waits and never throws. */
  note(event: LogEvent): void {
    if (this.#closed) return;
    if (this.#dropped > 0 || !this.#enqueue(event)) {
      if (this.#dropped === 0)
        this.#options.log.warning("the event log does not keep up, or is not there: events are lost");
      this.#dropped++;
    }
    this.#send();
  }

  /** Gives the log a moment to acknowledge what waits, if it is there, and closes the connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#connection !== undefined && this.#queue.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, FEED_CLOSE_MS);
      this.#emptied = resolve;
      await promise;
      clearTimeout(timer);
    }
    clearTimeout(this.#timer);
    this.#connection?.destroy();
  }

  #encode(event: LogEvent): Uint8Array {
    return encodeFrame({
      header: { sequence: (this.#prefix << COUNTER_BITS) | BigInt(this.#counter + 1), name: subjectOf(event) },
      payload: { kind: "data", data: { kind: "log", timestamp: this.#options.now(), event } },
    });
  }

  #enqueue(event: LogEvent): boolean {
    let frame = this.#encode(event);
    if (frame.length > LENGTH_WORD + EVENT_MAX) {
      // The log would close the connection, each time it was sent, and get nothing that is behind it.
      const { daemon, log } = this.#options;
      log.warning(`an event (${event.kind}) is lost: it has ${frame.length} bytes, the log takes ${EVENT_MAX}`);
      frame = this.#encode({ kind: "lost", source: fromText(daemon), count: 1 });
    }
    if (this.#queue.length >= FEED_QUEUE_MAX || this.#bytes + frame.length > FEED_BYTES_MAX) return false;
    this.#counter++;
    this.#queue.push({ sequence: (this.#prefix << COUNTER_BITS) | BigInt(this.#counter), frame });
    this.#bytes += frame.length;
    if (this.#counter === COUNTER_MAX) {
      this.#prefix = BigInt(this.#options.random());
      this.#counter = 0;
    }
    return true;
  }

  #send(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const until = Math.min(this.#queue.length, FEED_WINDOW);
    while (this.#sent < until) {
      const next = this.#queue[this.#sent];
      if (next === undefined) return;
      this.#sent++;
      connection.send(next.frame);
    }
  }

  /** The log has the first `count` of those on their way. */
  #acknowledged(count: number): void {
    for (const { frame } of this.#queue.splice(0, count)) this.#bytes -= frame.length;
    this.#sent -= count;
    // Not as soon as there is room for one: every second event would be a notice of loss then.
    if (this.#dropped > 0 && this.#queue.length <= FEED_QUEUE_MAX / 2) {
      const lost = { kind: "lost", source: fromText(this.#options.daemon), count: this.#dropped } as const;
      if (this.#enqueue(lost)) this.#dropped = 0;
    }
    if (this.#queue.length === 0) this.#emptied?.();
    this.#send();
  }

  async #connect(): Promise<void> {
    const reader = new FrameReader(ANSWER_MAX);
    try {
      await connectUnix(this.#options.path, (connection) => {
        this.#connection = connection;
        this.#sent = 0; // whatever was on its way goes again
        return {
          data: (chunk) => this.#receive(connection, reader.push(chunk)),
          end: () => connection.destroy(),
          close: (error) => this.#lost(error?.message ?? "it closed the connection"),
        };
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.debug(`cannot reach the event log yet: ${reason}`);
      this.#retry();
      return;
    }
    if (this.#closed) this.#connection?.destroy();
    else this.#send();
  }

  #receive(connection: Connection, frames: FrameReader): void {
    let count = 0;
    try {
      for (const bytes of frames) {
        const { header, payload } = decodeMessage(bytes);
        const expected = count < this.#sent ? this.#queue[count]?.sequence : undefined;
        if (payload.kind !== "success" || header.sequence !== expected) {
          this.#options.log.warning("the event log gave a wrong answer: connecting anew");
          return connection.destroy();
        }
        count++;
      }
      this.#pause = FEED_RETRY_FIRST_MS; // it works
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof FramingError)) throw error;
      this.#options.log.warning(`the event log gave a wrong answer: ${error.message}`);
      connection.destroy();
    } finally {
      if (count > 0) this.#acknowledged(count);
    }
    if (frames.ended) connection.destroy();
  }

  #lost(reason: string): void {
    this.#connection = undefined;
    this.#sent = 0;
    this.#emptied?.();
    if (this.#closed) return;
    this.#options.log.info(`lost the event log (${reason}), trying to reach it again`);
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#connect(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, FEED_RETRY_LAST_MS);
  }
}
