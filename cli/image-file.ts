/**
 * An image file that is inspected and then sent.
 *
 * It is opened once, so what is sent is what was inspected, whatever happens to its name meanwhile.
 *
 * @module
 */
import { openImageFile } from "../backends/image-file.ts";
import type { ImageSource } from "../backends/image-source.ts";
import { IMAGE_CHUNK_BYTES, type ImageBytes } from "../client/connection.ts";
import { UsageError } from "./usage-error.ts";

/** An open image. */
export interface ImageFile extends ImageSource, Disposable {
  /**
   * The image to be sent, compressed if `level` is above 0. Uncompressed it is read while it is sent; compressed it has
   * to be held in memory, since its length comes first.
   */
  bytes(level: number): Promise<ImageBytes>;
}

/**
 * Opens an image.
 *
 * @throws {UsageError} if it cannot be read
 */
export function openImage(path: string): ImageFile {
  let source: ReturnType<typeof openImageFile>;
  try {
    source = openImageFile(path);
  } catch (cause) {
    throw new UsageError(`Cannot read the image ${path}: ${(cause as Error).message}`, { cause });
  }
  return {
    size: source.size,
    readAt: (offset, length) => source.readAt(offset, length),
    async bytes(level) {
      const plain = { length: source.size, chunks: chunks(source) };
      return level === 0 ? plain : await compress(plain.chunks, level);
    },
    [Symbol.dispose]: () => source.close(),
  };
}

function* chunks(source: ImageSource): Generator<Uint8Array, void> {
  for (let offset = 0; offset < source.size; ) {
    const chunk = source.readAt(offset, Math.min(IMAGE_CHUNK_BYTES, source.size - offset));
    if (chunk.length === 0) return; // it became shorter, which the sender notices
    yield chunk;
    offset += chunk.length;
  }
}

async function compress(input: Iterable<Uint8Array>, level: number): Promise<ImageBytes> {
  const { createDeflate } = await import("node:zlib");
  const { Readable } = await import("node:stream");
  const output: Uint8Array[] = [];
  for await (const chunk of Readable.from(input).pipe(createDeflate({ level }))) output.push(chunk as Uint8Array);
  return { length: output.reduce((sum, chunk) => sum + chunk.length, 0), chunks: output };
}
