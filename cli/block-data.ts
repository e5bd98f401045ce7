/**
 * The content for a block device: a file, or standard input.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, read } from "node:fs";
import { IMAGE_CHUNK_BYTES } from "../client/connection.ts";
import { ClientError } from "../client/errors.ts";
import { deflated } from "../client/image-file.ts";
import { UsageError } from "./usage-error.ts";

/** An open source of data. */
export interface BlockData extends Disposable {
  /** Bytes, if that is known. */
  readonly size: number | undefined;
  /**
   * The data, compressed if `level` is above 0.
   *
   * @param advance told of the bytes that were read
   * @throws {DataError} by the iteration
   */
  stream(level: number, advance: (bytes: number) => void): AsyncIterable<Uint8Array>;
}

/** The data could not be read to its end. */
export class DataError extends Error {
  override readonly name = "DataError";
}

const STANDARD_INPUT = 0;

/** Opens a file, or for `-` standard input. @throws {UsageError} */
export function openBlockData(path: string): BlockData {
  let descriptor = STANDARD_INPUT;
  let size: number | undefined;
  try {
    if (path !== "-") descriptor = openSync(path, constants.O_RDONLY);
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw new Error("it is a directory");
    if (status.isFile() && path !== "-") size = status.size;
  } catch (cause) {
    if (descriptor !== STANDARD_INPUT) closeSync(descriptor);
    throw new UsageError(`Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return {
    size,
    stream(level, advance) {
      const plain = readAll(descriptor, path, size, advance);
      return level === 0 ? plain : compress(plain, level);
    },
    [Symbol.dispose]() {
      if (descriptor !== STANDARD_INPUT) closeSync(descriptor);
    },
  };
}

async function* compress(plain: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array, void> {
  try {
    yield* await deflated(plain, level);
  } catch (cause) {
    if (cause instanceof DataError || cause instanceof ClientError) throw cause;
    throw new DataError(`Cannot compress the data: ${(cause as Error).message}`, { cause });
  }
}

async function* readAll(
  descriptor: number,
  path: string,
  size: number | undefined,
  advance: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  for (;;) {
    const buffer = new Uint8Array(IMAGE_CHUNK_BYTES); // a new one: the one before may still be on its way
    const count = await readSome(descriptor, buffer).catch((cause: Error) => {
      throw new DataError(`Cannot read ${path}: ${cause.message}`, { cause });
    });
    if (count === 0) break;
    total += count;
    advance(count);
    yield buffer.subarray(0, count);
  }
  if (size !== undefined && total !== size) throw new DataError(`Cannot read ${path}: its size changed meanwhile`);
}

function readSome(descriptor: number, buffer: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, buffer.length, null, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}
