/**
 * Receives a create command without ever holding its image.
 *
 * @module
 */
import { DecodeError } from "./decode-error.ts";
import { type ImagePlace, locateImage, withoutImage } from "./image-place.ts";
import type { Message } from "./message.ts";
import { decodeMessage } from "./message-codec.ts";

/** The most bytes of a create command besides its image. */
export const REST_LIMIT = 1024 * 1024;

/** The image must begin within this many bytes, or the message is taken as an ordinary one. */
export const PREFIX_LIMIT = 64 * 1024;

/** What is reserved at first for the bytes that are kept. */
const FIRST_CAPACITY = 4096;

/** What a frame turned out to be. */
export interface SplitMessage {
  /** The message; in a create command the image is empty. */
  readonly message: Message;
  /** Bytes of the image that were handed through; `undefined` unless it is a create or force-create command. */
  readonly imageLength: number | undefined;
}

/** Settings of an {@link ImageSplitter}. */
export interface SplitterOptions {
  /** The longest message that is not a create command, in bytes. */
  readonly limit: number;
  /**
   * Takes a part of the image, in order. The bytes are a view on the pushed chunk, or a copy of what was kept of earlier
   * ones: the splitter does not touch them again. Everything handed over is worthless if the splitter fails later.
   */
  readonly onImage: (bytes: Uint8Array) => void;
}

/**
 * Takes one frame in pieces. As soon as it shows to be a create or force-create command, in any of its generations, the
 * bytes of the image go to {@link SplitterOptions.onImage}, and only the rest is kept. Accepts exactly what
 * {@link decodeMessage} accepts of the whole, within the limits.
 */
export class ImageSplitter {
  readonly #frameLength: number;
  readonly #options: SplitterOptions;
  /** The bytes kept: all but the image. */
  #kept = new Uint8Array(0);
  #keptLength = 0;
  /** How many bytes of the frame came so far. */
  #received = 0;
  #place: ImagePlace | undefined;
  /** Whether it is settled what this message is. */
  #settled = false;

  /** `frameLength`: the frame's length as announced. */
  constructor(frameLength: number, options: SplitterOptions) {
    this.#frameLength = frameLength;
    this.#options = options;
  }

  /** The image's length, as soon as it is known. */
  get imageLength(): number | undefined {
    return this.#place?.length;
  }

  /** Whether the command says that the image is a zlib stream; known when {@link ImageSplitter.imageLength} is. */
  get compressed(): boolean {
    // The BOOLEAN stands directly before the image; any content but zero is true.
    return this.#place !== undefined && this.#kept[this.#place.start - 1] !== 0;
  }

  /** How many bytes are held in memory. */
  get held(): number {
    return this.#kept.length;
  }

  /**
   * Takes the next bytes of the frame.
   *
   * @throws {DecodeError} if it is known already that this is no valid message, or beyond a limit
   */
  push(chunk: Uint8Array): void {
    if (chunk.length > this.#frameLength - this.#received) throw new DecodeError("trailing bytes");
    let rest = chunk;
    if (!this.#settled) {
      const head = chunk.subarray(0, PREFIX_LIMIT - this.#keptLength);
      rest = chunk.subarray(head.length);
      this.#keep(head);
      this.#received += head.length;
      this.#settle();
    }
    this.#distribute(rest);
  }

  #settle(): void {
    const place = locateImage(this.#kept.subarray(0, this.#keptLength), this.#frameLength);
    if (place === undefined && this.#keptLength < Math.min(PREFIX_LIMIT, this.#frameLength)) return;
    this.#settled = true;
    if (place === undefined || place.offset < 0) {
      if (this.#frameLength <= this.#options.limit) return;
      throw new DecodeError(
        `Cannot receive a message of ${this.#frameLength} bytes, since ${this.#options.limit} are allowed`,
      );
    }
    const besides = this.#frameLength - place.length;
    if (besides > REST_LIMIT) {
      throw new DecodeError(
        `Cannot receive a command of ${besides} bytes besides its image, since ${REST_LIMIT} are allowed`,
      );
    }
    this.#place = place;
    // What was kept beyond the place where the image begins is looked at again.
    const beyond = this.#kept.slice(place.offset, this.#keptLength);
    this.#keptLength = place.offset;
    this.#received = place.offset;
    this.#distribute(beyond);
  }

  #distribute(chunk: Uint8Array): void {
    const place = this.#place;
    if (place === undefined) {
      this.#keep(chunk);
    } else {
      const start = Math.min(chunk.length, Math.max(0, place.offset - this.#received));
      const end = Math.min(chunk.length, Math.max(0, place.offset + place.length - this.#received));
      if (start > 0) this.#keep(chunk.subarray(0, start));
      if (end > start) this.#options.onImage(chunk.subarray(start, end));
      if (end < chunk.length) this.#keep(chunk.subarray(end));
    }
    this.#received += chunk.length;
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#keptLength + bytes.length;
    if (needed > this.#kept.length) {
      const grown = new Uint8Array(
        Math.min(this.#frameLength, Math.max(FIRST_CAPACITY, needed, 2 * this.#kept.length)),
      );
      grown.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#keptLength);
    this.#keptLength = needed;
  }

  /**
   * The message, once the whole frame was pushed.
   *
   * @throws {DecodeError} if the message is not valid, or not complete
   */
  finish(): SplitMessage {
    if (this.#received !== this.#frameLength) {
      throw new DecodeError(`Message ended after ${this.#received} of ${this.#frameLength} bytes`);
    }
    const kept = this.#kept.subarray(0, this.#keptLength);
    const place = this.#place;
    if (place === undefined) return { message: decodeMessage(kept), imageLength: undefined };
    return { message: decodeMessage(withoutImage(kept, place)), imageLength: place.length };
  }
}
