/**
 * What comes from a daemon, as it was before its transfer.
 *
 * @module
 */
import { ClientError, ProtocolError } from "./errors.ts";

/** The largest image that is unpacked, bytes: a few kilobytes of zlib data can become gigabytes. */
export const IMAGE_BYTES_MAX = 2 * 1024 * 1024 * 1024;

/** The largest block device that is taken, bytes: file systems have no larger files. */
export const DUMP_BYTES_MAX: number = 16 * 2 ** 40;

/** Settings of {@link unpacked}. */
export interface UnpackOptions {
  /** Bytes of the unpacked data; {@link IMAGE_BYTES_MAX} unless given. */
  readonly limit?: number;
  /** Told of the unpacked bytes that were taken. */
  readonly advance?: (bytes: number) => void;
}

/**
 * Downloaded data, unpacked if it is a zlib stream.
 *
 * @throws {ProtocolError} by the iteration, if it is broken or too long
 */
export async function* unpacked(
  data: Uint8Array | AsyncIterable<Uint8Array>,
  compressed: boolean,
  { limit = IMAGE_BYTES_MAX, advance }: UnpackOptions = {},
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of compressed ? inflate(data) : piecesOf(data)) {
    length += chunk.length;
    if (length > limit) throw new ProtocolError(`Cannot unpack the image: it has more than ${limit} bytes`);
    yield chunk;
    advance?.(chunk.length);
  }
}

function piecesOf(data: Uint8Array | AsyncIterable<Uint8Array>): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return data instanceof Uint8Array ? [data] : data;
}

async function* inflate(data: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { createInflate } = await import("node:zlib");
  const { pipeline, Readable } = await import("node:stream");
  const stream = createInflate();
  if (data instanceof Uint8Array) stream.end(data);
  else pipeline(Readable.from(data), stream, () => undefined); // a failure destroys the stream, which tells its reader
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ProtocolError(`Cannot unpack the image: ${(cause as Error).message}`, { cause });
  }
}
