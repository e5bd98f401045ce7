/**
 * An image from afar, in the directory TMPDIR.
 *
 * @module
 */
import { BUILD_IMAGE_BYTES_MAX, type ImageDownload } from "../client/builds/builds-server.ts";
import type { ImageFile } from "../client/image-file.ts";
import { namelessImage } from "../client/nameless-image.ts";
import type { Context } from "./context.ts";
import { followTransfer } from "./progress.ts";

/** An image that has come, and what was said about it. */
export interface Downloaded {
  readonly file: ImageFile;
  readonly download: ImageDownload;
}

/**
 * Writes an image to a file without a name, showing the progress.
 *
 * @param begin begins the download, once there is where to write it
 * @throws {InputError} `file` if it cannot be written
 * @throws what `begin` and the iteration throw
 */
export async function downloadImage(context: Context, begin: () => Promise<ImageDownload>): Promise<Downloaded> {
  const begun = Promise.withResolvers<ImageDownload>();
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const download = await begin();
    begun.resolve(download);
    const progress = download.length === undefined ? undefined : followTransfer(context, download.length);
    try {
      for await (const chunk of download.chunks) {
        yield chunk;
        progress?.advance(chunk.length);
      }
    } finally {
      progress?.finish();
    }
  }
  const file = await namelessImage(context.environment["TMPDIR"] || "/tmp", chunks(), BUILD_IMAGE_BYTES_MAX);
  return { file, download: await begun.promise };
}
