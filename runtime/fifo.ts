/**
 * Reading named pipes at speed. Bun only.
 *
 * On Linux a single inotify instance says which idle fifo got data, and busy ones are then read in large pieces once a
 * millisecond, which costs a tenth of being woken for every write. Elsewhere Bun's own stream over a descriptor is used.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { streamFifo } from "./fifo-stream.ts";
import { type FifoWatch, openFifoWatch } from "./fifo-watch.ts";

export interface FifoHandlers {
  /** Bytes that were read. They are only valid during the call: the memory is used again. */
  data(bytes: Uint8Array): void;
  /**
   * The last writer has closed, or reading failed. Exactly once, and the descriptor is closed by then; never after
   * {@link FifoReader.close}.
   */
  end(error: Error | undefined): void;
}

export interface FifoReader {
  /** Whether both read the very same fifo. A path may have got a new one. */
  sameFifo(other: FifoReader): boolean;
  /** Stops reading; the writers are blocked once the fifo is full. */
  hold(): void;
  /** Goes on reading. */
  release(): void;
  /** Reads, at once and held or not, what is there by now (at most the capacity of the fifo). */
  drain(): void;
  /** Stops reading and closes the descriptor. What is unread stays in the fifo if others have it open. */
  close(): void;
}

/** What a fifo is identified by. */
export interface OpenFifo {
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
}

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
