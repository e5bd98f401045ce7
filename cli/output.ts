/**
 * Writing to the standard streams: at once, completely, also into pipes.
 *
 * Written synchronously: `process.stdout` would add 13 ms to the start, and what is written here is never lost when the
 * process ends. A reader that is slower than we are holds us back, and through us the daemon.
 *
 * @module
 */
import { writeSync } from "node:fs";

/** The reader of standard output is gone, as with `… | head`. The program ends quietly then. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/** Exit status then: what a shell reports for a program ended by SIGPIPE. */
export const EXIT_OUTPUT_CLOSED = 141;

/** Pause before writing again to a full pipe that somebody made non-blocking: milliseconds. */
const FULL_PIPE_PAUSE_MS = 2;

/** Bytes of standard output that are gathered at most before they are written. */
export const GATHERED_MAX = 64 * 1024;

const encoder = new TextEncoder();

let gathered: { readonly chunks: Uint8Array[]; size: number } | undefined;

/**
 * From now on, gathers what goes to standard output until {@link flushOutput}: for a stream of many small lines, each
 * of which would cost a call to the system.
 */
export function gatherOutput(): void {
  gathered ??= { chunks: [], size: 0 };
}

/**
 * Writes what was gathered.
 *
 * @throws {OutputClosedError} if nobody reads it any more
 */
export function flushOutput(): void {
  if (gathered === undefined || gathered.size === 0) return;
  const { chunks } = gathered;
  gathered = { chunks: [], size: 0 };
  writeNow(1, Buffer.concat(chunks));
}

/**
 * Writes all of `text` to a descriptor.
 *
 * @throws {OutputClosedError} if nobody reads it any more
 */
export function writeText(descriptor: number, text: string): void {
  writeBytes(descriptor, encoder.encode(text));
}

/**
 * Writes all of `bytes` to a descriptor.
 *
 * @throws {OutputClosedError} if nobody reads it any more
 * @throws the system's error for other failures, e.g. ENOSPC
 */
export function writeBytes(descriptor: number, bytes: Uint8Array): void {
  if (descriptor !== 1 || gathered === undefined) return writeNow(descriptor, bytes);
  gathered.chunks.push(bytes);
  gathered.size += bytes.length;
  if (gathered.size > GATHERED_MAX) flushOutput();
}

function writeNow(descriptor: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at, bytes.length - at);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === "EPIPE") throw new OutputClosedError("Standard output was closed by its reader", { cause: error });
      if (code !== "EAGAIN" && code !== "EINTR") throw error;
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE_MS);
    }
  }
}
