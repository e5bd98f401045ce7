/**
 * Requests of albatrossd to the console and statistics daemons: one at a time, numbered, answered in order (wire.md 13).
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FrameReader } from "../../core/wire/framing.ts";
import type { Command, Message } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";

/** Milliseconds to wait for an answer before the peer counts as gone. */
export const ANSWER_TIMEOUT_MS = 5_000;

/** Requests that may be under way. */
export const REQUESTS_MAX = 4_096;

/** The largest request, in bytes, with its length: a daemon closes the connection on a larger one. */
export const REQUEST_SIZE_MAX = 64 * 1024;

/** The largest answer, in bytes. */
export const ANSWER_SIZE_MAX = 64 * 1024;

/** A request to another daemon had no good answer. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

interface Waiting {
  readonly sequence: bigint;
  readonly resolve: () => void;
  readonly reject: (error: PeerError) => void;
  readonly timer: NodeJS.Timeout;
}

/** The requests over one connection. The sequence numbers start at 1 with each link. */
export class PeerLink {
  readonly #connection: Connection;
  readonly #reader = new FrameReader(ANSWER_SIZE_MAX);
  readonly #waiting: Waiting[] = [];
  #sequence = 0n;
  #closed: PeerError | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether requests can still be made. */
  get open(): boolean {
    return this.#closed === undefined;
  }

  /**
   * Sends a command; resolves when the peer answers with success.
   *
   * @throws {PeerError} that it is too long, the peer's failure text, `wrong sequence number received`, `unexpected data` or
   *   `communication failure`
   */
  async request(name: Name, command: Command): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#waiting.length >= REQUESTS_MAX) throw new PeerError("too many requests are under way");
    const sequence = this.#sequence + 1n;
    const frame = encodeFrame({ header: { sequence, name }, payload: { kind: "command", command } });
    if (frame.length > REQUEST_SIZE_MAX) throw new PeerError(`the request has ${frame.length} bytes`);
    this.#sequence = sequence;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#fail(`no answer within ${ANSWER_TIMEOUT_MS} ms`), ANSWER_TIMEOUT_MS);
    this.#waiting.push({ sequence, resolve, reject, timer });
    this.#connection.send(frame);
    await promise;
  }

  /** Takes received bytes. */
  receive(chunk: Uint8Array): void {
    if (this.#closed !== undefined) return;
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        this.#answer(decodeMessage(frame));
      }
      if (this.#reader.ended) this.#fail("the peer ended the conversation");
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof Error && error.name === "FramingError")) throw error;
      this.#fail(error.message);
    }
  }

  #answer(message: Message): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return this.#fail("an answer came that nobody asked for");
    clearTimeout(waiting.timer);
    const { payload, header } = message;
    if (header.sequence !== waiting.sequence) waiting.reject(new PeerError("wrong sequence number received"));
    else if (payload.kind === "success") waiting.resolve();
    else if (payload.kind === "failure") waiting.reject(new PeerError(toDisplay(payload.text)));
    else waiting.reject(new PeerError("unexpected data"));
  }

  /** The connection is gone: every request under way fails. */
  closed(reason: string): void {
    this.#closed ??= new PeerError(`communication failure: ${reason}`);
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#closed);
    }
  }

  #fail(reason: string): void {
    this.closed(reason);
    this.#connection.destroy();
  }
}
