/**
 * Reads small files, of which somebody else may have made large ones.
 *
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";

const PIECE_BYTES = 64 * 1024;

/**
 * The content of a file of any kind: fifos and devices do not tell their size before, and may have no end.
 *
 * @param limit bytes
 * @throws the system's error, or one that tells of the limit
 */
export function readLimited(path: string, limit: number): Uint8Array {
  const descriptor = openSync(path, "r");
  try {
    const pieces: Uint8Array[] = [];
    for (let length = 0; ; ) {
      const piece = new Uint8Array(PIECE_BYTES);
      const count = readSync(descriptor, piece);
      if (count === 0) return Buffer.concat(pieces);
      length += count;
      if (length > limit) throw new Error(`it has more than ${limit} bytes`);
      pieces.push(piece.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}
