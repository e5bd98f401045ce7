/**
 * Files that the client downloads: images, and dumps of block devices (client.md 10).
 *
 * Their names can be foreseen and their directory is shared: a download is written under a name that cannot be, and then
 * renamed, which replaces what is there but never follows a link.
 *
 * @module
 */
import { closeSync, constants, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { ClientError } from "../client/errors.ts";
import type { Name } from "../core/name.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import { dataRuns } from "../runtime/sparse.ts";

/** The largest image that is unpacked, bytes: a few kilobytes of zlib data can become gigabytes. */
export const IMAGE_BYTES_MAX = 2 * 1024 * 1024 * 1024;

/** The largest block device that is taken, bytes: file systems have no larger files. */
export const DUMP_BYTES_MAX: number = 16 * 2 ** 40;

const FILE_MODE = 0o644;

/** A download could not be stored: because of its `data`, or because of the `file`. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly reason: "data" | "file";

  constructor(reason: "data" | "file", message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** `$TMPDIR/N.TS`: the name and the start of the client, as `/tmp/:hello.2026-11-21T21:11:34-00:00`. */
export function downloadPath(
  environment: Readonly<Record<string, string | undefined>>,
  name: Name,
  started: number,
): string {
  const directory = environment["TMPDIR"] || "/tmp";
  return `${directory.replace(/(?<=.)\/+$/, "")}/${name.text}.${new Date(started).toISOString().slice(0, 19)}-00:00`;
}

/** Settings of {@link writeDownload}. */
export interface DownloadOptions {
  /** Bytes of the unpacked data; {@link IMAGE_BYTES_MAX} unless given. */
  readonly limit?: number;
  /** Told of the unpacked bytes that were written. */
  readonly advance?: (bytes: number) => void;
}

/**
 * Writes an image, or a dump as it comes, into a file, in place of one that is there. Zeros become holes. After a failure
 * nothing has changed.
 *
 * @throws {DownloadError}
 * @throws {ClientError} of the iteration
 */
export async function writeDownload(
  path: string,
  image: Uint8Array | AsyncIterable<Uint8Array>,
  compressed: boolean,
  options: DownloadOptions = {},
): Promise<void> {
  const temporary = `${path}.${webCrypto.randomUUID()}`;
  const file = onFile(`Cannot create ${path}`, () =>
    openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, FILE_MODE),
  );
  try {
    try {
      let written = 0;
      for await (const chunk of unpacked(image, compressed, options)) {
        onFile(`Cannot write ${path}`, () => writeData(file, chunk, written));
        written += chunk.length;
      }
      onFile(`Cannot write ${path}`, () => ftruncateSync(file, written)); // it may end with zeros
    } finally {
      closeSync(file);
    }
    onFile(`Cannot create ${path}`, () => renameSync(temporary, path));
  } catch (error) {
    onFile(`Cannot remove the incomplete ${temporary}`, () => unlinkSync(temporary));
    throw error;
  }
}

/**
 * Downloaded data as it was before its transfer.
 *
 * @throws {DownloadError} by the iteration, if it is broken or too long
 */
export async function* unpacked(
  image: Uint8Array | AsyncIterable<Uint8Array>,
  compressed: boolean,
  { limit = IMAGE_BYTES_MAX, advance }: DownloadOptions,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of compressed ? inflate(image) : piecesOf(image)) {
    length += chunk.length;
    if (length > limit) throw new DownloadError("data", `Cannot unpack the image: it has more than ${limit} bytes`);
    yield chunk;
    advance?.(chunk.length);
  }
}

function piecesOf(image: Uint8Array | AsyncIterable<Uint8Array>): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return image instanceof Uint8Array ? [image] : image;
}

async function* inflate(image: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { createInflate } = await import("node:zlib");
  const { pipeline, Readable } = await import("node:stream");
  const stream = createInflate();
  if (image instanceof Uint8Array) stream.end(image);
  else pipeline(Readable.from(image), stream, () => undefined); // a failure destroys the stream, which tells its reader
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof DownloadError || cause instanceof ClientError) throw cause;
    throw new DownloadError("data", `Cannot unpack the image: ${(cause as Error).message}`, { cause });
  }
}

function writeData(file: number, bytes: Uint8Array, position: number): void {
  for (const { start, end } of dataRuns(bytes)) {
    for (let at = start; at < end; ) at += writeSync(file, bytes, at, end - at, position + at);
  }
}

function onFile<Result>(attempted: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new DownloadError("file", `${attempted}: ${(cause as Error).message}`, { cause });
  }
}
