/**
 * Finds what of some content is worth writing: files stay sparse.
 *
 * @module
 */
import { errno, libcNames, openLibrary } from "./ffi.ts";

/** Bytes that are looked at together: no shorter stretch of zeros becomes a hole. */
export const SPARSE_UNIT = 16 * 1024;

const zeros = new Uint8Array(SPARSE_UNIT);

function isZero(bytes: Buffer, start: number, end: number): boolean {
  // Mostly the first bytes tell; a comparison costs a call.
  if (bytes[start] !== 0 || bytes[end - 1] !== 0) return false;
  return bytes.compare(zeros, 0, end - start, start, end) === 0;
}

/** The stretches of `bytes` that are not zero, in order, from multiples of {@link SPARSE_UNIT} on. */
export function* dataRuns(bytes: Uint8Array): Generator<{ readonly start: number; readonly end: number }, void> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start: number | undefined;
  for (let at = 0; at < whole.length; at += SPARSE_UNIT) {
    if (!isZero(whole, at, Math.min(at + SPARSE_UNIT, whole.length))) {
      start ??= at;
    } else if (start !== undefined) {
      yield { start, end: at };
      start = undefined;
    }
  }
  if (start !== undefined) yield { start, end: whole.length };
}

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
