/**
 * Writing to open files on another thread.
 *
 * @module
 */
import { fdatasync, write } from "node:fs";

/** Resolves when what was written is on the disk. */
export function syncData(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Writes `bytes` from `at` to `end`, or the first of them, at a position of the file. @returns how many */
export function writeSome(
  descriptor: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, at, end - at, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}
