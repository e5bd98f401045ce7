/**
 * Images that come as streams, in files that only a descriptor leads to: nothing is left of them, however the program
 * ends.
 *
 * @module
 */
import { close, constants, open, unlink, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileSource } from "../backends/image-file.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import { InputError } from "./errors.ts";
import { type ImageFile, imageFrom } from "./image-file.ts";

/**
 * Writes an image to a file in a directory, which it is in no more when this begins to read.
 *
 * @param chunks taken once there is where to write them
 * @param limit bytes
 * @throws {InputError} `file` if it cannot be written, `image` if it is too large
 * @throws what the chunks throw
 */
export async function namelessImage(
  directory: string,
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<ImageFile> {
  const path = join(directory, `albatross-image.${webCrypto.randomUUID()}`);
  const failed = (cause: unknown) =>
    new InputError("file", `Cannot write the image to ${path}: ${(cause as Error).message}`, { cause });
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const descriptor = await promisify(open)(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600).catch((cause) => {
    throw failed(cause);
  });
  try {
    await promisify(unlink)(path).catch((cause) => {
      throw failed(cause);
    });
    let length = 0;
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > limit) throw new InputError("image", `Cannot take an image of more than ${limit} bytes`);
      await writeAll(descriptor, chunk).catch((cause) => {
        throw failed(cause);
      });
    }
    return imageFrom({ ...fileSource(descriptor), close: () => close(descriptor) });
  } catch (error) {
    close(descriptor);
    throw error;
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (at: number): void =>
      write(descriptor, bytes, at, bytes.length - at, null, (error, count) => {
        if (error !== null) reject(error);
        else if (at + count < bytes.length) step(at + count);
        else resolve();
      });
    step(0);
  });
}
