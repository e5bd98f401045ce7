/**
 * Locks between calls of this program, so that none takes back what another has just written.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { errno, libcNames, openLibrary } from "../runtime/ffi.ts";
import { systemErrorText } from "../runtime/system-error.ts";
import { UsageError } from "./usage-error.ts";

const [LOCK_EX, LOCK_NB] = [2, 4]; // flock(2)

/** How long another process may hold a lock, milliseconds. */
export const LOCK_PATIENCE_MS = 5_000;

const LOCK_PAUSE_MS = 20;

/** Waits for the lock of an open file, which ends when the descriptor is closed. @throws if it is held for too long */
export async function lock(descriptor: number): Promise<void> {
  const { flock } = openLibrary(libcNames, { flock: { args: ["i32", "i32"], returns: "i32" } });
  const until = performance.now() + LOCK_PATIENCE_MS; // not counted in pauses, which are longer on a busy machine
  while (flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    if (performance.now() >= until) {
      throw new Error(`another process has held it for ${LOCK_PATIENCE_MS / 1000} s (${systemErrorText(errno())})`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
  }
}

/**
 * Does what reads files of a folder and then writes them, while no other call does that there. The folder is locked, since
 * files are replaced by others.
 *
 * @throws {UsageError} if the folder cannot be opened, or another process holds its lock for too long
 */
export async function alone<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  let descriptor: number | undefined;
  try {
    try {
      descriptor = openSync(folder, "r");
      await lock(descriptor);
    } catch (cause) {
      throw new UsageError(`Cannot lock the folder ${folder}: ${(cause as Error).message}`, { cause });
    }
    return await work();
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
