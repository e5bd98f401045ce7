/**
 * An image from afar in a file that has no name, so that nothing is left of it, however the program ends.
 *
 * @module
 */
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { fileSource } from "../backends/image-file.ts";
import type { ImageDownload } from "../client/builds/builds-server.ts";
import { type ImageFile, imageFrom } from "../client/image-file.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import type { Context } from "./context.ts";
import { DownloadError } from "./download.ts";
import { followTransfer, type Progress } from "./progress.ts";

/** An image that has come, and what was said about it. */
export interface Downloaded extends Disposable {
  readonly file: ImageFile;
  readonly download: ImageDownload;
}

/**
 * Writes an image to a file in the directory TMPDIR, which is open, but not in the directory any more.
 *
 * @param begin begins the download, once there is where to write it
 * @throws {DownloadError} if it cannot be written
 * @throws what `begin` and the iteration throw
 */
export async function downloadImage(context: Context, begin: () => Promise<ImageDownload>): Promise<Downloaded> {
  const path = `${context.environment["TMPDIR"] || "/tmp"}/albatross-update.${webCrypto.randomUUID()}`;
  const onFile = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (cause) {
      throw new DownloadError(`Cannot write the image to ${path}: ${(cause as Error).message}`, { cause });
    }
  };
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = onFile(() => openSync(path, flags, 0o600));
  let progress: Progress | undefined;
  try {
    onFile(() => unlinkSync(path));
    const download = await begin();
    progress = download.length === undefined ? undefined : followTransfer(context, download.length);
    for await (const chunk of download.chunks) {
      onFile(() => {
        for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
      });
      progress?.advance(chunk.length);
    }
    const file = imageFrom({ ...fileSource(descriptor), close: () => closeSync(descriptor) });
    return { file, download, [Symbol.dispose]: () => file[Symbol.dispose]() };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    progress?.finish();
  }
}
