/**
 * Reading the small files by which Linux tells about processes.
 *
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";
import { isGone } from "../../runtime/linux-process-table.ts";
import { CollectorError, type CollectorFailure } from "../collector.ts";

/** The largest file, bytes. The kernel gives these in one piece if there is room. */
export const FILE_MAX = 64 * 1024;

/** For every reading: its content is used up at once. */
const buffer = Buffer.alloc(FILE_MAX);

/**
 * Reads a file of `/proc` or of debugfs.
 *
 * @throws {CollectorError} that says what kind of failure it is
 */
export function readProcFile(path: string): string {
  let length: number;
  try {
    const descriptor = openSync(path, "r");
    try {
      length = readSync(descriptor, buffer, 0, FILE_MAX, null); // those of debugfs have no positions
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new CollectorError(`Cannot read ${path}: ${text}`, failureOf(cause), cause);
  }
  if (length === FILE_MAX) {
    throw new CollectorError(`Cannot read ${path}: it has more than ${FILE_MAX} bytes. Report this defect`, "failed");
  }
  return buffer.toString("latin1", 0, length);
}

/** What a failure of the system means for a reading. */
export function failureOf(error: unknown): CollectorFailure {
  if (isGone(error)) return "gone";
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "EACCES" || code === "EPERM" ? "refused" : "failed";
}
