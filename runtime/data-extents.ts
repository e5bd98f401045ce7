/**
 * Where a sparse file has data.
 *
 * @module
 */
import { errno, libcNames, openLibrary } from "./ffi.ts";

const [SEEK_DATA, SEEK_HOLE] = [3, 4]; // lseek(2), the same on Linux and FreeBSD
const ENXIO = 6;

let lseek: ((descriptor: number, offset: number | bigint, whence: number) => number | bigint) | undefined;

/**
 * The stretches of a file of `size` bytes that may hold something else than zeros. They are looked for one by one, as
 * they are taken.
 */
export function* dataExtents(
  descriptor: number,
  size: number,
): Generator<{ readonly start: number; readonly end: number }, void> {
  lseek ??= openLibrary(libcNames, { lseek: { args: ["i32", "i64", "i32"], returns: "i64" } }).lseek;
  for (let at = 0; at < size; ) {
    const start = Number(lseek(descriptor, at, SEEK_DATA));
    if (start < 0 && errno() === ENXIO) return; // only a hole is left
    if (start < 0) return yield { start: at, end: size }; // a file system that does not tell
    const hole = Number(lseek(descriptor, start, SEEK_HOLE));
    const end = hole > start ? Math.min(hole, size) : size;
    if (start < end) yield { start, end };
    at = end;
  }
}
