/**
 * An image file that is inspected and then sent.
 *
 * It is opened once, so what is sent is what was inspected, whatever happens to its name meanwhile.
 *
 * @module
 */
import { openImageFile } from "../backends/image-file.ts";
import type { ImageSource } from "../backends/image-source.ts";
import { IMAGE_CHUNK_BYTES, type ImageBytes } from "./connection.ts";
import { InputError, ProtocolError } from "./errors.ts";

/** An open image. */
export interface ImageFile extends ImageSource, Disposable {
  /**
   * The image to be sent, compressed if `level` is above 0. Uncompressed it is read while it is sent; compressed it has
   * to be held in memory, since its length comes first.
   */
  bytes(level: number): Promise<ImageBytes>;
  /**
   * The image in pieces, compressed if `level` is above 0, read while it is taken.
   *
   * @param advance told of the bytes of the file that were read
   * @throws {ProtocolError} by the iteration, if the file becomes shorter meanwhile
   */
  stream(level: number, advance: (bytes: number) => void): AsyncIterable<Uint8Array>;
  /** The SHA-256 of the uncompressed image. */
  digest(): Promise<Uint8Array>;
  /** Whether compression makes it smaller, judged by samples. */
  compressible(): Promise<boolean>;
}

/** How many pieces of an image are compressed to judge it, and their size in bytes. */
const SAMPLES = 4;
const SAMPLE_BYTES = 32 * 1024;

/** Samples must become this much smaller: most of a second per 10 MB is not spent for less. */
const WORTHWHILE = 0.95;

/**
 * Opens an image.
 *
 * @throws {InputError} if it cannot be read
 */
export function openImage(path: string): ImageFile {
  try {
    return imageFrom(openImageFile(path));
  } catch (cause) {
    throw new InputError("image", `Cannot read the image ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The image in a source, which may have to be closed. */
export function imageFrom(source: ImageSource & { close?(): void }): ImageFile {
  return {
    size: source.size,
    readAt: (offset, length) => source.readAt(offset, length),
    async bytes(level) {
      const plain = { length: source.size, chunks: chunks(source) };
      return level === 0 ? plain : await compress(plain.chunks, level);
    },
    stream: (level, advance) => stream(source, level, advance),
    async digest() {
      const { createHash } = await import("node:crypto");
      const hash = createHash("sha256");
      for (const chunk of chunks(source)) hash.update(chunk);
      return hash.digest();
    },
    compressible: () => isCompressible(source),
    [Symbol.dispose]: () => source.close?.(),
  };
}

/** Whether compression makes a file smaller, judged by samples. */
export async function isCompressible(source: Pick<ImageSource, "size" | "readAt">): Promise<boolean> {
  const { deflateSync } = await import("node:zlib");
  let compressed = 0;
  let plain = 0;
  for (let at = 0; at < SAMPLES; at++) {
    const sample = source.readAt(Math.floor((source.size * at) / SAMPLES), SAMPLE_BYTES);
    compressed += deflateSync(sample, { level: 1 }).length;
    plain += sample.length;
  }
  return compressed < plain * WORTHWHILE;
}

function* chunks(source: ImageSource): Generator<Uint8Array, void> {
  for (let offset = 0; offset < source.size; ) {
    const chunk = source.readAt(offset, Math.min(IMAGE_CHUNK_BYTES, source.size - offset));
    if (chunk.length === 0) return; // it became shorter, which the sender notices
    yield chunk;
    offset += chunk.length;
  }
}

async function* stream(
  source: ImageSource,
  level: number,
  advance: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  function* counted(): Generator<Uint8Array, void> {
    let read = 0;
    for (const chunk of chunks(source)) {
      read += chunk.length;
      advance(chunk.length);
      yield chunk;
    }
    if (read !== source.size) {
      throw new ProtocolError("Cannot send the image, since its size changed while it was read: try again");
    }
  }
  if (level === 0) yield* counted();
  else yield* await deflated(counted(), level);
}

async function compress(input: Iterable<Uint8Array>, level: number): Promise<ImageBytes> {
  const output: Uint8Array[] = [];
  for await (const chunk of await deflated(input, level)) output.push(chunk);
  return { length: output.reduce((sum, chunk) => sum + chunk.length, 0), chunks: output };
}

/** Bytes that leave the compressor at once. */
const DEFLATED_CHUNK_BYTES = 64 * 1024;

/** `input` as a zlib stream. */
export async function deflated(
  input: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  level: number,
): Promise<AsyncIterable<Uint8Array>> {
  const { createDeflate } = await import("node:zlib");
  const { pipeline, Readable } = await import("node:stream");
  const output = createDeflate({ level, chunkSize: DEFLATED_CHUNK_BYTES });
  // A failure of the input destroys the output with it, where its reader finds it.
  pipeline(Readable.from(input), output, () => undefined);
  return output as AsyncIterable<Uint8Array>;
}
