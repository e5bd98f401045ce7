/**
 * The content for a block device: a file, or standard input.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { IMAGE_CHUNK_BYTES } from "./connection.ts";
import { ClientError, InputError } from "./errors.ts";
import { deflated, isCompressible } from "./image-file.ts";

/** An open source of data. */
export interface BlockData extends Disposable {
  /** Bytes, if that is known. */
  readonly size: number | undefined;
  /** Whether compression makes it smaller, as far as that can be told before. */
  compressible(): Promise<boolean>;
  /**
   * The data, compressed if `level` is above 0.
   *
   * @param advance told of the bytes that were read
   * @throws {InputError} by the iteration
   */
  stream(level: number, advance: (bytes: number) => void): AsyncIterable<Uint8Array>;
}

const STANDARD_INPUT = 0;

/** Opens a file, or standard input if none is given. @throws {InputError} */
export function openBlockData(path: string | undefined): BlockData {
  let descriptor = STANDARD_INPUT;
  let size: number | undefined;
  try {
    if (path !== undefined) descriptor = openSync(path, constants.O_RDONLY);
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw new Error("it is a directory");
    if (status.isFile() && path !== undefined) size = status.size;
  } catch (cause) {
    if (descriptor !== STANDARD_INPUT) closeSync(descriptor);
    throw new InputError("file", `Cannot read ${path ?? "standard input"}: ${(cause as Error).message}`, { cause });
  }
  return {
    size,
    async compressible() {
      if (size === undefined) return true;
      return await isCompressible({ size, readAt: (offset, length) => readAt(descriptor, offset, length) });
    },
    stream(level, advance) {
      const plain = readAll(descriptor, path ?? "standard input", size, advance);
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
    if (cause instanceof ClientError) throw cause;
    throw new InputError("file", `Cannot compress the data: ${(cause as Error).message}`, { cause });
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
      throw new InputError("file", `Cannot read ${path}: ${cause.message}`, { cause });
    });
    if (count === 0) break;
    total += count;
    advance(count);
    yield buffer.subarray(0, count);
  }
  if (size !== undefined && total !== size)
    throw new InputError("file", `Cannot read ${path}: its size changed meanwhile`);
}

function readAt(descriptor: number, offset: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, readSync(descriptor, buffer, 0, length, offset));
}

function readSome(descriptor: number, buffer: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, buffer.length, null, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}
