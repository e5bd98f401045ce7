/**
 * Lines that wait for a receiver: bounded, the oldest go first.
 *
 * @module
 */

/** Bytes that may wait, unless told otherwise: minutes of many unikernels. */
export const QUEUE_MAX = 16 * 1024 * 1024;

/** A queue of whole lines, in pieces. */
export class LineQueue {
  readonly #limit: number;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(limit: number = QUEUE_MAX) {
    this.#limit = limit;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Pieces dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Appends a piece: whole lines. Drops the oldest ones until it fits; itself, if it never does. */
  push(piece: Uint8Array): void {
    this.#waiting.push(piece);
    this.#grow(piece);
  }

  /** Puts what {@link take} gave back to the front, since it was not taken. Goes itself if there is no room any more. */
  putBack(piece: Uint8Array): void {
    this.#waiting.unshift(piece);
    this.#grow(piece);
  }

  #grow(piece: Uint8Array): void {
    this.#bytes += piece.length;
    while (this.#bytes > this.#limit) this.drop();
  }

  /** Takes the oldest pieces, as many as fit into `most` bytes, but at least one if there is any. */
  take(most: number): Uint8Array | undefined {
    let count = 0;
    let size = 0;
    for (const piece of this.#waiting) {
      if (count > 0 && size + piece.length > most) break;
      count++;
      size += piece.length;
    }
    if (count === 0) return undefined;
    this.#bytes -= size;
    return Buffer.concat(this.#waiting.splice(0, count));
  }

  /** Drops the oldest piece. */
  drop(): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.length;
    this.#dropped++;
  }

  /** Drops everything. */
  clear(): void {
    while (this.#waiting.length > 0) this.drop();
  }
}
