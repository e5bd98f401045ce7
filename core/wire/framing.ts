/**
 * Frames: four bytes of length, big-endian, then as many bytes (wire.md 1).
 *
 * The original reserves whatever length is announced, up to 2 GiB. Here every channel has a limit, and memory is taken
 * as bytes arrive.
 *
 * @module
 */

/** Longest frame of an ordinary command, in bytes: room for the inline block data of old clients. */
export const COMMAND_FRAME_LIMIT = 17 * 1024 * 1024;

/** Longest frame of a create command, whose image is not kept in memory. */
export const CREATE_FRAME_LIMIT = 1024 * 1024 * 1024;

/**
 * Longest raw chunk of an image or block stream: any that has a length. Senders choose freely, chunks are taken in pieces
 * as they come, and what bounds a stream is its own limit.
 */
export const CHUNK_FRAME_LIMIT: number = 2 ** 31 - 1;

/** Longest frame of console or statistics data, or of what daemons say to each other. */
export const DATA_FRAME_LIMIT = 1024 * 1024;

/** Longest reply a client takes: `get` delivers a whole image. */
export const REPLY_FRAME_LIMIT = 1024 * 1024 * 1024;

/** Bytes of the length word. */
const LENGTH_BYTES = 4;

/** What is reserved for a frame that arrives in parts, until it turns out to need more. */
const FIRST_CAPACITY = 64 * 1024;

/** A frame that is longer than its channel allows. */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

/** The frame with `payload` as its content; empty for the end-of-stream marker. */
export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LENGTH_BYTES + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes.set(payload, LENGTH_BYTES);
  return bytes;
}

/**
 * Cuts a stream of bytes into frames.
 *
 * Feed it with {@link FrameReader.push}, whose result yields the frames that are complete; what is not fetched stays for
 * later. A frame that lies within one pushed chunk is a view on that chunk, so chunks must not be reused; any other is
 * copied together once. A long frame can also be taken in pieces as they come: {@link FrameReader.frameLength}, then
 * {@link FrameReader.piece}.
 */
export class FrameReader implements Iterable<Uint8Array> {
  /** The longest frame, in bytes. May be changed between frames. */
  limit: number;
  /** Chunks not yet used up; of the first, the part from `#offset`. */
  readonly #chunks: Uint8Array[] = [];
  #offset = 0;
  #available = 0;
  /** The length of the frame being read, once known. */
  #length: number | undefined;
  /** How much of it was handed out or collected. */
  #done = 0;
  #collected: Uint8Array<ArrayBuffer> | undefined;
  #ended = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether the end-of-stream marker (a length of zero, or a negative one) was read. Nothing is yielded after it. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the stream could end here without cutting a frame short. */
  get between(): boolean {
    return this.#available === 0 && this.#length === undefined;
  }

  /** How many pushed bytes were not fetched yet. A caller that leaves frames for later stops reading its source. */
  get pending(): number {
    return this.#available;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns this reader, whose iteration yields the frames that are complete now
   */
  push(chunk: Uint8Array): this {
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#available += chunk.length;
    }
    return this;
  }

  *[Symbol.iterator](): Generator<Uint8Array, void> {
    for (let next = this.next(); next !== undefined; next = this.next()) yield next;
  }

  /**
   * The next complete frame; `undefined` if there is none (yet).
   *
   * @throws {FramingError} if it is longer than {@link FrameReader.limit}
   */
  next(): Uint8Array | undefined {
    const length = this.frameLength();
    if (length === undefined) return undefined;
    if (this.#done === 0 && this.#firstLength() >= length) {
      this.#length = undefined;
      return this.#take(length);
    }
    while (this.#done < length && this.#available > 0) {
      const part = this.#take(Math.min(length - this.#done, this.#firstLength()));
      this.#collect(part, length);
    }
    if (this.#done < length) return undefined;
    const whole = this.#collected;
    this.#finishFrame();
    return whole;
  }

  /**
   * The length of the frame that is next, or that is being taken in pieces; `undefined` if its length word is not there
   * yet, or the stream has ended.
   *
   * @throws {FramingError} if it is longer than {@link FrameReader.limit}
   */
  frameLength(): number | undefined {
    const length = this.#length ?? this.#readLength();
    if (length !== undefined && length > this.limit && this.#done === 0) {
      throw new FramingError(
        `Cannot receive a frame of ${length} bytes, since this connection allows ${this.limit}: send smaller ones`,
      );
    }
    return length;
  }

  #readLength(): number | undefined {
    if (this.#ended || this.#available < LENGTH_BYTES) return undefined;
    let length = 0;
    const first = this.#chunks[0];
    if (first !== undefined && this.#firstLength() > LENGTH_BYTES) {
      for (let index = 0; index < LENGTH_BYTES; index++) length = (length << 8) | (first[this.#offset++] ?? 0);
      this.#available -= LENGTH_BYTES;
    } else {
      for (let index = 0; index < LENGTH_BYTES; index++) length = (length << 8) | (this.#take(1)[0] ?? 0);
    }
    // The length is signed: a negative one ends the stream, too.
    if (length <= 0) {
      this.#ended = true;
      return undefined;
    }
    this.#length = length;
    return length;
  }

  /**
   * The bytes of the present frame that are there and not yet taken; `undefined` if there are none. The last one
   * completes the frame: {@link FrameReader.remaining} is then 0 until the next is looked at. Not to be mixed with
   * {@link FrameReader.next} within one frame.
   */
  piece(): Uint8Array | undefined {
    const length = this.frameLength();
    if (length === undefined || this.#available === 0) return undefined;
    const part = this.#take(Math.min(length - this.#done, this.#firstLength()));
    this.#done += part.length;
    if (this.#done === length) this.#finishFrame();
    return part;
  }

  /** How many bytes of the present frame {@link FrameReader.piece} has still to deliver; 0 between frames. */
  get remaining(): number {
    return this.#length === undefined ? 0 : this.#length - this.#done;
  }

  /** Everything after the end-of-stream marker, or not yet fetched, as one chunk; the reader is empty then. */
  rest(): Uint8Array {
    const rest = new Uint8Array(this.#available);
    for (let at = 0; this.#available > 0; ) {
      const part = this.#take(this.#firstLength());
      rest.set(part, at);
      at += part.length;
    }
    return rest;
  }

  #finishFrame(): void {
    this.#length = undefined;
    this.#done = 0;
    this.#collected = undefined;
  }

  #firstLength(): number {
    return (this.#chunks[0]?.length ?? 0) - this.#offset;
  }

  /** Takes `count` bytes, which the first chunk must have. */
  #take(count: number): Uint8Array {
    const first = this.#chunks[0] ?? new Uint8Array(0);
    const part = first.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    this.#available -= count;
    if (this.#offset === first.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    return part;
  }

  #collect(part: Uint8Array, length: number): void {
    const needed = this.#done + part.length;
    let buffer = this.#collected;
    if (buffer === undefined || buffer.length < needed) {
      const capacity = Math.min(length, Math.max(FIRST_CAPACITY, needed, 2 * (buffer?.length ?? 0)));
      const grown = new Uint8Array(capacity);
      if (buffer !== undefined) grown.set(buffer.subarray(0, this.#done));
      buffer = grown;
      this.#collected = grown;
    }
    buffer.set(part, this.#done);
    this.#done = needed;
  }
}
