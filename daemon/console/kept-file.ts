/**
 * One of the two files of a console's output, for reading.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { decodeHead, findPieces, KEPT_HEAD, type KeptPiece, PIECE_MAX } from "./kept-records.ts";

/** What is looked at first to find the last whole piece: more than any piece has. */
const TAIL_BYTES = 4 * PIECE_MAX;

/** The bytes of a file from `from` up to `to`, or up to its end if that comes before. */
function readRange(descriptor: number, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, to - from));
  let filled = 0;
  while (filled < bytes.length) {
    const got = readSync(descriptor, bytes, filled, bytes.length - filled, from + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

function openForReading(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export class KeptFile {
  readonly path: string;
  /** 0 if there is nothing in it. */
  generation = 0;
  /** Where the last whole record ends. */
  end = 0;
  #withinLine = false;

  /** @throws the system's error if there is a file that cannot be read */
  constructor(path: string) {
    this.path = path;
    const descriptor = openForReading(path);
    if (descriptor === undefined) return;
    try {
      const head = decodeHead(readRange(descriptor, 0, KEPT_HEAD));
      if (head === undefined) return; // of a crash, or not ours: it is begun anew
      this.begin(head.generation, head.withinLine);
      const { size } = fstatSync(descriptor);
      // Behind the last whole piece there may be more than the tail, such as zeros after a loss of power.
      for (const from of [Math.max(KEPT_HEAD, size - TAIL_BYTES), KEPT_HEAD]) {
        const found: KeptPiece[] = [];
        this.end = from + findPieces(readRange(descriptor, from, size), 0, false, found);
        if (found.length > 0) break;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** It was begun anew. */
  begin(generation: number, withinLine: boolean): void {
    this.generation = generation;
    this.#withinLine = withinLine;
    this.end = KEPT_HEAD;
  }

  /**
   * Adds the pieces in it to `found`, or the newest ones of them.
   *
   * @param limit bytes that are looked at
   * @param first whether what was in an older file is not there
   * @throws the system's error if it cannot be read
   */
  read(limit: number, first: boolean, found: KeptPiece[]): void {
    if (this.generation === 0 || limit <= 0) return;
    const descriptor = openForReading(this.path);
    if (descriptor === undefined) return; // it was taken away
    try {
      const from = Math.max(KEPT_HEAD, this.end - limit);
      const torn = from > KEPT_HEAD || (first && this.#withinLine);
      findPieces(readRange(descriptor, from, this.end), 0, torn, found);
    } finally {
      closeSync(descriptor);
    }
  }
}
