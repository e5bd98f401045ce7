/**
 * Images and data as callers give them: bytes, files, streams.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { bytesSource } from "../../backends/image-source.ts";
import { openBlockData } from "../block-data.ts";
import { IMAGE_CHUNK_BYTES } from "../connection.ts";
import { AbortedError, InputError } from "../errors.ts";
import { type ImageFile, imageFrom, isCompressible, openImage } from "../image-file.ts";
import { FRAME_LENGTH_MAX } from "../image-frame.ts";
import { namelessImage } from "../nameless-image.ts";

/**
 * Bytes to be sent: in memory; in a file, by its path or `file:` URL; or in a stream or another iterable, from which no
 * more is taken than can be sent.
 *
 * @example
 * ```ts
 * import { connect, type DataSource } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const sources: DataSource[] = [new Uint8Array(512), "disk.img", new Blob(["text"]).stream()];
 * for (const source of sources) await albatross.blocks.set("data", source);
 * ```
 */
export type DataSource =
  | Uint8Array
  | string
  | URL
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/**
 * An image that can be inspected and sent. Streams are put into a file without a name first, since the length and the
 * digest come before an image.
 *
 * @param limit bytes of a stream
 * @throws {InputError} `image`, or `argument` if it is no bytes
 * @throws {AbortedError}
 * @throws what the stream throws
 */
export async function openImageInput(
  source: DataSource,
  signal: AbortSignal | undefined,
  limit: number = FRAME_LENGTH_MAX,
): Promise<ImageFile> {
  if (source instanceof Uint8Array) return imageFrom(bytesSource(source));
  const path = pathOf(source);
  if (path !== undefined) return openImage(path);
  return await namelessImage(tmpdir(), pieces(source, signal), limit);
}

/**
 * Data in pieces, read while they are taken.
 *
 * @throws {InputError} `file`
 * @throws by the iteration: as {@link openImageInput}
 */
export async function* dataOf(source: DataSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  const path = source instanceof Uint8Array ? undefined : pathOf(source);
  if (path === undefined) {
    yield* pieces(source instanceof Uint8Array ? [source] : source, signal);
  } else {
    using file = openBlockData(path);
    yield* pieces(
      file.stream(0, () => undefined),
      signal,
    );
  }
}

/** Whether compression makes data smaller, as far as that can be told before. @throws {InputError} `file` */
export async function isWorthCompressing(source: DataSource): Promise<boolean> {
  if (source instanceof Uint8Array) return await isCompressible(bytesSource(source));
  const path = pathOf(source);
  if (path === undefined) return true;
  using file = openBlockData(path);
  return await file.compressible();
}

function pathOf(source: DataSource): string | undefined {
  if (typeof source === "string") return source;
  return source instanceof URL ? fileURLToPath(source) : undefined;
}

/** What is taken from a stream, in pieces that fit into a message; no more than is asked for. */
async function* pieces(source: DataSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  const iterator = iteratorOf(source);
  let giveUp: () => void = () => undefined;
  const onAbort = () => giveUp();
  signal?.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      // The source may never give anything any more, so it is not waited for alone.
      const next = await new Promise<IteratorResult<unknown, unknown>>((resolve, reject) => {
        giveUp = () => reject(new AbortedError("Gave up reading what was to be sent", { cause: signal?.reason }));
        if (signal?.aborted) giveUp();
        else Promise.resolve(iterator.next()).then(resolve, reject);
      });
      ended = next.done === true;
      if (ended) return;
      const chunk = next.value;
      if (!(chunk instanceof Uint8Array)) {
        throw new InputError("argument", `Cannot send a ${typeof chunk}: only Uint8Array is bytes`);
      }
      for (let at = 0; at < chunk.length; at += IMAGE_CHUNK_BYTES) yield chunk.subarray(at, at + IMAGE_CHUNK_BYTES);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    // It may hang or fail by now: nobody needs it any more.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** As the iterators of the language, which may be of either kind. */
interface AnyIterator {
  next(): unknown;
  return?(): unknown;
}

function iteratorOf(source: DataSource): {
  next(): Promise<IteratorResult<unknown, unknown>>;
  return(): Promise<unknown>;
} {
  // The iterator of a stream cannot be left while it waits; a reader can.
  const reader = source instanceof ReadableStream ? source.getReader() : undefined;
  if (reader !== undefined) {
    return {
      next: async () => (await reader.read()) as IteratorResult<unknown, unknown>,
      return: async () => await reader.cancel(),
    };
  }
  const given = source as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  const iterator: AnyIterator | undefined = given[Symbol.asyncIterator]?.() ?? given[Symbol.iterator]?.();
  if (iterator === undefined) throw new InputError("argument", `Cannot send a ${typeof source}: it is no bytes`);
  return {
    next: async () => (await iterator.next()) as IteratorResult<unknown, unknown>,
    return: async () => await iterator.return?.(),
  };
}
