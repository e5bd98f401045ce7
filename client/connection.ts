/**
 * A connection to a daemon: commands go out, messages come in. Runs on Bun and on Deno.
 *
 * @module
 */

import { DecodeError } from "../core/wire/decode-error.ts";
import { FrameReader, FramingError, frame, REPLY_FRAME_LIMIT } from "../core/wire/framing.ts";
import type { Message } from "../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../core/wire/message-codec.ts";
import type { Connection, ConnectionHandlers } from "../runtime/connection.ts";
import { ConnectionClosedError } from "../runtime/send-queue.ts";
import { connectUnix, SocketError } from "../runtime/unix-socket.ts";
import { AbortedError, ClientError, ConnectError, ProtocolError } from "./errors.ts";
import { frameAroundImage } from "./image-frame.ts";

/** Received bytes that wait for the reader of {@link ClientConnection.messages}; with more the daemon is held back. */
export const RECEIVE_HIGH_WATER = 1024 * 1024;

/** Bytes that are asked from an image at once. */
export const IMAGE_CHUNK_BYTES = 256 * 1024;

/** An image to be sent: its length, and its bytes in pieces of any size. */
export interface ImageBytes {
  readonly length: number;
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface ClientOptions {
  /** Gives up: pending calls reject with {@link AbortedError} and the connection is closed. */
  readonly signal?: AbortSignal | undefined;
  /** The longest message that is taken, bytes; {@link REPLY_FRAME_LIMIT} unless given. */
  readonly frameLimit?: number;
}

/**
 * Makes the transport of a {@link ClientConnection}. `open` is called with the connection once it is there, and gives
 * what handles its events. Rejects with the errors of `errors.ts`, or the signal's reason once that is aborted.
 */
export type Connector = (open: (connection: Connection) => ConnectionHandlers) => Promise<Connection>;

/** A stream to a daemon, over whatever transport. Close it on every path. */
export class ClientConnection {
  readonly #address: string;
  readonly #reader: FrameReader;
  readonly #signal: AbortSignal | undefined;
  #connection: Connection | undefined;
  #ended = false;
  #failure: Error | undefined;
  #paused = false;
  #wake: (() => void) | undefined;
  readonly #abort = () => {
    this.#failure = new AbortedError(`Gave up waiting for ${this.#address}`, { cause: this.#signal?.reason });
    this.#connection?.destroy();
    this.#stop();
  };

  private constructor(address: string, options: ClientOptions) {
    this.#address = address;
    this.#reader = new FrameReader(options.frameLimit ?? REPLY_FRAME_LIMIT);
    this.#signal = options.signal;
  }

  /**
   * Connects to the socket of a daemon.
   *
   * @throws {ConnectError} if there is none, or it does not let us in
   * @throws {AbortedError}
   */
  static async open(path: string, options: ClientOptions = {}): Promise<ClientConnection> {
    return await ClientConnection.over(
      path,
      async (open) => {
        try {
          return await connectUnix(path, open);
        } catch (error) {
          if (!(error instanceof SocketError)) throw error;
          throw new ConnectError(path, error.code, error.message, { cause: error });
        }
      },
      options,
    );
  }

  /**
   * Connects by a transport of the caller's.
   *
   * @param address for messages: whom the connector connects to
   * @throws what the connector throws
   * @throws {AbortedError}
   */
  static async over(address: string, connector: Connector, options: ClientOptions = {}): Promise<ClientConnection> {
    const client = new ClientConnection(address, options);
    const { signal } = options;
    const aborted = (cause: unknown) => new AbortedError(`Gave up connecting to ${address}`, { cause });
    if (signal?.aborted) throw aborted(signal.reason);
    try {
      client.#connection = await connector((connection) => {
        client.#connection = connection;
        return client.#handlers();
      });
    } catch (error) {
      throw signal?.aborted ? aborted(signal.reason) : error;
    }
    signal?.addEventListener("abort", client.#abort, { once: true });
    if (signal?.aborted) client.#abort();
    return client;
  }

  /**
   * Sends a message.
   *
   * @throws {AbortedError}
   * @returns whether it went out. If not, the daemon has closed the connection: it may have said why before
   */
  async send(message: Message): Promise<boolean> {
    return await this.#sendAll([encodeFrame(message)]);
  }

  /**
   * Sends a create command whose image is read while it is sent.
   *
   * @param message with an empty image
   * @returns whether it went out completely, as {@link ClientConnection.send}
   * @throws {AbortedError}
   * @throws {ProtocolError} if the image does not have the length it was said to have; the connection is useless then
   */
  async sendWithImage(message: Message, image: ImageBytes): Promise<boolean> {
    const { prefix, suffix } = frameAroundImage(message, image.length);
    return await this.#sendAll(this.#withImage(prefix, image, suffix));
  }

  /**
   * Sends raw chunks, and the empty one that ends them. Stops as soon as anything comes back, since an answer in the
   * middle is a refusal.
   *
   * @param chunks of any size; empty ones are left out. If they throw, so does this, and the connection is closed
   * @returns whether everything went out, as {@link ClientConnection.send}
   * @throws {AbortedError}
   */
  async sendStream(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<boolean> {
    try {
      return await this.#sendAll(framed(chunks), true);
    } catch (error) {
      this.#connection?.destroy(); // or the peer would wait for the rest
      throw error;
    }
  }

  /** Sends one raw chunk, as {@link ClientConnection.send}. */
  async sendChunk(bytes: Uint8Array): Promise<boolean> {
    return await this.#sendAll([frame(bytes)]);
  }

  async *#withImage(prefix: Uint8Array, image: ImageBytes, suffix: Uint8Array): AsyncGenerator<Uint8Array, void> {
    yield prefix;
    let sent = 0;
    for await (const chunk of image.chunks) {
      sent += chunk.length;
      if (sent > image.length) break;
      yield chunk;
    }
    if (sent !== image.length) {
      this.#connection?.destroy();
      throw new ProtocolError("Cannot send the image, since its size changed while it was read: try again");
    }
    yield suffix;
  }

  async #sendAll(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, untilAnswer = false): Promise<boolean> {
    let whole = true;
    try {
      for await (const part of untilAnswer ? this.#unlessAnswered(parts) : parts) {
        if (this.#ended || this.#connection === undefined) break;
        whole = part !== undefined;
        if (part === undefined) break;
        if (this.#connection.send(part)) continue;
        const drained = this.#connection.drained();
        await (untilAnswer ? Promise.race([drained, this.#arrival()]) : drained);
      }
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
    if (this.#failure instanceof AbortedError) throw this.#failure;
    return whole && !this.#ended;
  }

  /**
   * `parts`, and `undefined` in place of the next one if something comes back, or the connection ends: their source may
   * have nothing to say for a long time, and is not waited for then.
   */
  async *#unlessAnswered(
    parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array | undefined, void> {
    const iterator = Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : parts[Symbol.iterator]();
    const answered = () => this.#ended || this.#reader.pending > 0;
    let finished = false;
    try {
      while (!answered()) {
        const part = await Promise.race([Promise.resolve(iterator.next()), this.#arrival()]);
        if (part === undefined || answered()) break;
        finished = part.done === true;
        if (part.done) return;
        yield part.value;
      }
    } finally {
      // It ends when it has said what it was asked for; what it fails with then is of no interest any more.
      if (!finished) Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
    yield undefined;
  }

  /**
   * The messages of the daemon, until it closes the connection.
   *
   * @param waiting called whenever there is none (yet)
   * @throws {ProtocolError} if the connection breaks, or carries something that is no message
   * @throws {AbortedError}
   */
  async *messages(waiting: () => void = () => undefined): AsyncGenerator<Message, void> {
    for (;;) {
      const message = this.#next();
      if (message !== undefined) {
        yield message;
      } else if (this.#ended || this.#reader.ended) {
        this.#checkEnd();
        return;
      } else {
        waiting();
        await this.#arrival();
      }
    }
  }

  /** Sends what is queued and closes; further messages are not delivered. */
  close(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#leave();
    this.#ended = true;
  }

  /** Closes at once, unless something is still to be sent to a daemon that listens. */
  #leave(): void {
    if (this.#connection?.pending === 0) this.#connection.destroy();
    else this.#connection?.end();
  }

  /** Resolves when bytes come, or the end. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #next(): Message | undefined {
    try {
      const bytes = this.#reader.next();
      if (this.#paused && this.#reader.pending < RECEIVE_HIGH_WATER) {
        this.#paused = false;
        this.#connection?.resume();
      }
      return bytes === undefined ? undefined : decodeMessage(bytes);
    } catch (error) {
      this.#connection?.destroy();
      if (!(error instanceof DecodeError || error instanceof FramingError)) throw error;
      throw new ProtocolError(`Cannot understand what ${this.#address} sent: ${error.message}`, { cause: error });
    }
  }

  #checkEnd(): void {
    if (this.#failure instanceof ClientError) throw this.#failure;
    if (!this.#reader.ended && !this.#reader.between) {
      throw new ProtocolError(`The connection to ${this.#address} ended within a message`, { cause: this.#failure });
    }
    if (this.#failure !== undefined) {
      const reason = this.#failure.message;
      throw new ProtocolError(`The connection to ${this.#address} broke: ${reason}`, { cause: this.#failure });
    }
  }

  #handlers(): ConnectionHandlers {
    return {
      data: (chunk) => {
        this.#reader.push(chunk);
        if (!this.#paused && this.#wake === undefined && this.#reader.pending >= RECEIVE_HIGH_WATER) {
          this.#paused = true;
          this.#connection?.pause();
        }
        this.#notify();
      },
      end: () => {
        // The peer sends no more, so nothing more of ours would be answered.
        this.#connection?.destroy();
        this.#stop();
      },
      close: (error) => {
        this.#failure ??= error;
        this.#stop();
      },
    };
  }

  #stop(): void {
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

async function* framed(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    if (chunk.length > 0) yield frame(chunk);
  }
  yield frame(new Uint8Array(0));
}
