/**
 * From pieces of kept output to the lines that they are.
 *
 * @module
 */
import type { KeptPiece } from "./kept-records.ts";
import type { LineBatch } from "./line-batch.ts";
import { LineSplitter } from "./line-splitter.ts";

const NEWLINE = 10;

/**
 * Cuts pieces into the lines that came of them at the time.
 *
 * @param maxLine longest line that is kept whole, bytes
 * @param visit called with each batch of lines and its time
 * @returns the splitter, which holds the beginning of a line whose end is still to come
 */
export function splitPieces(
  pieces: readonly KeptPiece[],
  maxLine: number,
  visit: (time: number, lines: LineBatch) => void,
): LineSplitter {
  let splitter = new LineSplitter(maxLine);
  /** Within a line whose beginning is missing. */
  let skipping = false;
  for (const { time, piece, torn } of pieces) {
    if (torn) {
      splitter = new LineSplitter(maxLine);
      skipping = true;
    }
    if (piece.length === 0) {
      if (!skipping) visit(time, splitter.finish());
      skipping = false;
      continue;
    }
    const from = skipping ? piece.indexOf(NEWLINE) + 1 : 0;
    if (skipping && from === 0) continue;
    skipping = false;
    visit(time, splitter.push(piece.subarray(from)));
  }
  return splitter;
}
