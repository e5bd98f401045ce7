/**
 * Writes files whole or not at all.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./usage-error.ts";

/**
 * Writes a file through a temporary one beside it; an existing file is replaced.
 *
 * @param mode permissions, before the umask
 * @throws {UsageError} exit status 124
 */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  let descriptor: number | undefined;
  let made = false;
  try {
    descriptor = openSync(temporary, "wx", mode);
    made = true;
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, path);
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    if (made) rmSync(temporary, { force: true });
    throw new UsageError(`Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
