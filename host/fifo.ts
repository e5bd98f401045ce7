/**
 * The fifos that unikernels write their consoles to (daemon.md 7, wire.md 17).
 *
 * @module
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { cString, errno, libcNames, openLibrary } from "../runtime/ffi.ts";
import { systemErrorName, systemErrorText } from "../runtime/system-error.ts";

/** Mode of a fifo before the umask: the console daemon reads it by its group. */
export const FIFO_MODE = 0o640;

/** A fifo cannot be made or used. `message` is the text for the client, in the original's words. */
export class FifoError extends Error {
  override readonly name = "FifoError";
}

let mkfifo: ((path: Uint8Array, mode: number) => number) | undefined;

function notAFifo(path: string): FifoError {
  return new FifoError(`file ${path} exists and is not a fifo`);
}

/**
 * Makes a fifo, or leaves the one that is there as it is.
 *
 * @returns whether it was made
 * @throws {FifoError}
 */
export function makeFifo(path: string): boolean {
  if (path.includes("\0")) throw new FifoError(`file ${JSON.stringify(path)} error in mkfifo: it contains a zero byte`);
  mkfifo ??= openLibrary(libcNames, { mkfifo: { args: ["buffer", "u32"], returns: "i32" } }).mkfifo;
  if (mkfifo(cString(path), FIFO_MODE) === 0) return true;
  const code = errno();
  if (systemErrorName(code) !== "EEXIST") throw new FifoError(`file ${path} error in mkfifo: ${systemErrorText(code)}`);
  // Not followed: a symbolic link could lead anywhere.
  if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) throw notAFifo(path);
  return false;
}

/**
 * Opens a fifo (close-on-exec) as a unikernel's console, for reading and writing: writing then works, up to the fifo's
 * capacity, even while nobody else reads it, and never ends the writer. Opening does not wait either.
 *
 * @throws {FifoError} if there is none
 */
export function openConsoleFifo(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NOCTTY);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FifoError(`Cannot open the console fifo ${path}: ${reason}. Check the directory's permissions`, {
      cause: error,
    });
  }
  if (fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  throw notAFifo(path);
}
