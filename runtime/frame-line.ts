/**
 * A connection that is read when its owner wants to read, frame by frame or piece by piece, with back-pressure both ways.
 *
 * @module
 */
import { FrameReader, FramingError } from "../core/wire/framing.ts";
import type { Connection, ConnectionHandlers } from "./connection.ts";
import { ConnectionClosedError } from "./send-queue.ts";

/** Received bytes that nobody has asked for yet, above which the peer is held back. */
export const UNREAD_HIGH_WATER = 256 * 1024;

/** A frame that has begun: its length, and its bytes as they come. */
export interface IncomingFrame {
  /** Bytes. */
  readonly length: number;
  /** To be read to its end before the next frame is asked for. Ends early only if the connection does. */
  readonly pieces: AsyncGenerator<Uint8Array, void>;
}

/** The stream ended within a frame. */
export class CutShortError extends Error {
  override readonly name = "CutShortError";
}

/** Frames over a connection. Make it with the connection, and give {@link FrameLine.handlers} to that. */
export class FrameLine {
  readonly #connection: Connection;
  readonly #reader: FrameReader;
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #draining = 0;
  #interrupted = false;
  /** A frame was read as far as it came: the rest of it never will. */
  #cut = false;
  #arrival: PromiseWithResolvers<"arrived" | "ended"> | undefined;
  readonly #gone = Promise.withResolvers<Error | undefined>();
  /** Called whenever bytes come in or the peer takes some. */
  progress: (() => void) | undefined;
  /** Called once when the peer sends nothing more. */
  finished: (() => void) | undefined;

  /** @param limit the longest frame that is taken, bytes */
  constructor(connection: Connection, limit: number) {
    this.#connection = connection;
    this.#reader = new FrameReader(limit);
  }

  readonly handlers: ConnectionHandlers = {
    data: (chunk) => {
      this.#reader.push(chunk);
      this.#arrival?.resolve("arrived");
      this.progress?.();
      if (!this.#paused && this.#wake === undefined && this.#reader.pending >= UNREAD_HIGH_WATER) {
        this.#paused = true;
        this.#connection.pause();
      }
      this.#notify();
    },
    end: () => this.#end(),
    drain: () => this.progress?.(),
    close: (error) => {
      this.#end();
      this.#gone.resolve(error);
    },
  };

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#arrival?.resolve("ended");
    this.#notify();
    this.finished?.();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The longest frame, bytes; may be changed between frames. */
  set limit(bytes: number) {
    this.#reader.limit = bytes;
  }

  /** Whether {@link FrameLine.next} needs not wait, nor its pieces. */
  get hasFrame(): boolean {
    try {
      const length = this.#reader.frameLength();
      return length !== undefined && this.#reader.pending >= length;
    } catch (error) {
      if (error instanceof FramingError) return true; // as `next` will say
      throw error;
    }
  }

  /** Whether the end-of-stream marker, a frame without content, has been read. */
  get sawMarker(): boolean {
    return this.#reader.ended;
  }

  /** Whether the peer sends nothing more. */
  get isFinished(): boolean {
    return this.#ended;
  }

  /** Whether this side waits for the peer: for bytes of it, or until it takes ours. */
  get isWaiting(): boolean {
    return this.#wake !== undefined || this.#draining > 0;
  }

  /** Resolves when the connection is closed, with the error if one closed it. */
  get gone(): Promise<Error | undefined> {
    return this.#gone.promise;
  }

  /** Ends all waiting for bytes of the peer, now and later, as if it sent nothing more. */
  interrupt(): void {
    this.#interrupted = true;
    this.#notify();
  }

  async #more(): Promise<boolean> {
    if (this.#ended || this.#interrupted) return false;
    if (this.#paused) {
      this.#paused = false;
      this.#connection.resume(); // which may deliver at once
      if (this.#reader.pending > 0) return true;
      if (this.#ended) return false;
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return true;
  }

  /**
   * The next frame; `undefined` after the end-of-stream marker, or if the connection ends instead, also within a frame.
   *
   * @throws {FramingError} if it is longer than allowed
   */
  async next(): Promise<IncomingFrame | undefined> {
    for (;;) {
      if (this.#cut) return undefined;
      const length = this.#reader.frameLength();
      if (length !== undefined) return { length, pieces: this.#pieces() };
      if (this.#reader.ended || !(await this.#more())) return undefined;
    }
  }

  /** What is left of a frame of which a piece was read; nothing if that was all of it. */
  async *restOfFrame(): AsyncGenerator<Uint8Array, void> {
    if (this.#reader.remaining > 0) yield* this.#pieces();
  }

  /** Resolves as soon as there is something to read, or nothing will come any more. */
  get arrival(): Promise<"arrived" | "ended"> {
    if (this.#reader.pending > 0) return Promise.resolve("arrived");
    if (this.#ended) return Promise.resolve("ended");
    this.#arrival ??= Promise.withResolvers();
    return this.#arrival.promise;
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void> {
    do {
      const piece = this.#reader.piece();
      if (piece !== undefined) {
        yield piece;
      } else if (!(await this.#more())) {
        this.#cut = true;
        return;
      }
    } while (this.#reader.remaining > 0);
  }

  /**
   * The whole next frame; `undefined` as for {@link FrameLine.next}.
   *
   * @throws {FramingError} if it is longer than allowed
   * @throws {CutShortError} if the connection ends within it
   */
  async whole(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#reader.next();
      if (bytes !== undefined) return bytes;
      if (this.#reader.ended) return undefined;
      if (await this.#more()) continue;
      if (this.#reader.between) return undefined;
      throw new CutShortError("The connection ended within a message");
    }
  }

  /**
   * Sends bytes, waiting until the peer keeps up.
   *
   * @returns false if the connection is closed, so that they were not sent, or not all
   */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#connection.send(bytes)) return true;
    this.#draining++;
    try {
      await this.#connection.drained();
    } catch (error) {
      if (error instanceof ConnectionClosedError) return false;
      throw error;
    } finally {
      this.#draining--;
    }
    return this.#connection.send(new Uint8Array(0));
  }

  /** Sends what is queued and closes. */
  end(): void {
    this.#connection.end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#connection.destroy();
  }
}
