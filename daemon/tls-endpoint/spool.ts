/**
 * A stream of unknown length, kept in a file without a name until it is complete.
 *
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { randomHex } from "../../host/random-hex.ts";

/** Bytes that are written and read at a time. */
export const SPOOL_CHUNK_BYTES: number = 256 * 1024;

/** The stream could not be kept, e.g. since the disk is full. */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
}

function failure(attempt: string, cause: unknown): SpoolError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SpoolError(`Cannot ${attempt}: ${reason}`, { cause });
}

/** The file disappears with {@link Spool.close}, and also if this program is killed. */
export class Spool {
  readonly #file: FileHandle;
  readonly #buffer = new Uint8Array(SPOOL_CHUNK_BYTES);
  #buffered = 0;
  #written = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Makes an empty one in a directory.
   *
   * @throws {SpoolError}
   */
  static async open(directory: string): Promise<Spool> {
    const path = join(directory, `albatross-spool-${randomHex(9)}`);
    // Loaded now: it is large, and only streams need it.
    const { open, unlink } = await import("node:fs/promises");
    try {
      const file = await open(path, "wx+", 0o600);
      try {
        await unlink(path);
      } catch (error) {
        await file.close();
        throw error;
      }
      return new Spool(file);
    } catch (cause) {
      throw failure(`keep the stream in ${directory}`, cause);
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#written + this.#buffered;
  }

  /**
   * Appends bytes.
   *
   * @throws {SpoolError}
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + SPOOL_CHUNK_BYTES - this.#buffered);
      this.#buffer.set(part, this.#buffered);
      this.#buffered += part.length;
      at += part.length;
      if (this.#buffered === SPOOL_CHUNK_BYTES) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    for (let at = 0; at < this.#buffered; ) {
      try {
        const { bytesWritten } = await this.#file.write(this.#buffer, at, this.#buffered - at, this.#written);
        at += bytesWritten;
        this.#written += bytesWritten;
      } catch (cause) {
        throw failure("keep the stream", cause);
      }
    }
    this.#buffered = 0;
  }

  /**
   * All bytes, from the first one. A chunk is overwritten by the next one.
   *
   * @throws {SpoolError}
   */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    const last = this.#buffer.slice(0, this.#buffered);
    for (let at = 0; at < this.#written; ) {
      const wanted = Math.min(SPOOL_CHUNK_BYTES, this.#written - at);
      let count: number;
      try {
        ({ bytesRead: count } = await this.#file.read(this.#buffer, 0, wanted, at));
      } catch (cause) {
        throw failure("read the stream again", cause);
      }
      if (count === 0) throw new SpoolError("Cannot read the stream again: its file became shorter");
      at += count;
      yield this.#buffer.subarray(0, count);
    }
    if (last.length > 0) yield last;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
