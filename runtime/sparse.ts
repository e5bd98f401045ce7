/**
 * Finds what of some content is worth writing: files stay sparse.
 *
 * @module
 */

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
