/**
 * Images in files, for inspection without reading them whole.
 *
 * Apart from the rest of inspection, so that this works where there are no files.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ImageSource } from "./image-source.ts";

/** The image in an open file. The descriptor stays the caller's, and its position is left alone. */
export function fileSource(descriptor: number): ImageSource {
  const status = fstatSync(descriptor);
  return {
    // Only a regular file has a size to rely on; anything else counts as empty, which no inspection accepts.
    size: status.isFile() ? status.size : 0,
    readAt(offset, length) {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    },
  };
}

/** An image in a file that has to be closed. */
export interface ImageFile extends ImageSource {
  close(): void;
}

/**
 * Opens an image.
 *
 * @throws the system's error if it cannot be opened
 */
export function openImageFile(path: string): ImageFile {
  // Without waiting for a writer, should it be a fifo: that is no image, and is said so at once.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { ...fileSource(descriptor), close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Opens an image for `use` and closes it afterwards.
 *
 * @throws the system's error if it cannot be opened or read, and whatever `use` throws
 */
export function withImageFile<T>(path: string, use: (source: ImageSource) => T): T {
  const file = openImageFile(path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}
