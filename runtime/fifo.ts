/**
 * Reading named pipes at speed. Bun only.
 *
 * On Linux a single inotify instance says which idle fifo got data, and busy ones are then read in large pieces once a
 * millisecond, which costs a tenth of being woken for every write. Elsewhere Bun's own stream over a descriptor is used.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { FifoHandlers, FifoReader, OpenFifo } from "./fifo-reader.ts";
import { streamFifo } from "./fifo-stream.ts";
import { type FifoWatch, openFifoWatch } from "./fifo-watch.ts";

export type { FifoHandlers, FifoReader } from "./fifo-reader.ts";

/**
 * Opens a fifo, whether or not anybody writes to it yet, and reads it until the last writer closes. No handler is
 * called before this returns.
 *
 * @throws an error with the system's code, e.g. `ENOENT`, `EACCES`; `ELOOP` for a symbolic link; `EINVAL` if the path
 *   is something else
 */
export function readFifo(path: string, handlers: FifoHandlers): FifoReader {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY);
  try {
    const status = fstatSync(fd);
    if (!status.isFIFO()) throw Object.assign(new Error(`Cannot read ${path}: it is not a fifo`), { code: "EINVAL" });
    const open: OpenFifo = { fd, device: status.dev, inode: status.ino };
    watch ??= openFifoWatch(() => {
      watch = undefined;
    });
    return watch?.read(open, handlers) ?? streamFifo(open, handlers);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** One for all fifos, as long as there are any. */
let watch: FifoWatch | undefined;
