/**
 * A file or directory that one process holds: two daemons must not work on one database, nor on the same fifos.
 *
 * @module
 */
import { closeSync, constants, openSync } from "node:fs";
import { errno, libcNames, openLibrary } from "../runtime/ffi.ts";
import { systemErrorText } from "../runtime/system-error.ts";

const [LOCK_EX, LOCK_NB] = [2, 4]; // flock(2)

/** A held lock. It also ends with the process, however that ends. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes the lock of a file, which is made if it is missing, and stays.
 *
 * @throws if another process holds it, or the file cannot be opened
 */
export function takeLock(path: string): HeldLock {
  return lock(path, openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
}

/**
 * Takes the lock of a directory itself, so that nothing is added to what others look through.
 *
 * @throws if another process holds it, or the directory cannot be opened
 */
export function takeDirectoryLock(path: string): HeldLock {
  return lock(path, openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
}

function lock(path: string, descriptor: number): HeldLock {
  const { flock } = openLibrary(libcNames, { flock: { args: ["i32", "i32"], returns: "i32" } });
  if (flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    const reason = systemErrorText(errno());
    closeSync(descriptor);
    throw new Error(`Cannot take the lock ${path}: ${reason}. Another daemon uses this directory; stop it first`);
  }
  return { release: () => closeSync(descriptor) };
}
