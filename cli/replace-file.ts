/**
 * Writes files whole or not at all.
 *
 * @module
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { webCrypto } from "../pki/web-crypto.ts";
import { removedBySignals } from "./unfinished-file.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Writes a file through a temporary one beside it; an existing file is replaced.
 *
 * @param mode permissions, before the umask
 * @throws {UsageError} exit status 124
 */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.${webCrypto.randomUUID()}.tmp`);
  using _left = removedBySignals(temporary);
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

/**
 * Makes sure that what a new file would replace is a file: a rename takes `/dev/null` away from everybody else.
 *
 * @throws an error that says what it is
 */
export function checkReplaceable(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  const target = found.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : found;
  // Links to descriptors are those of everybody, too, whatever this program's descriptor is.
  const descriptor = found.isSymbolicLink() && readlinkSync(path).startsWith("/proc/");
  if (descriptor || !(target?.isFile() ?? true))
    throw new Error("what is there is no file, and is not replaced by one");
}
