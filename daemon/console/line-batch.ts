/**
 * Many lines at once, without an object per line: the currency of the console daemon's hot path.
 *
 * @module
 */

/** Lines that were found together. Valid until the next batch is made; the memory is used again. */
export interface LineBatch {
  /** How many lines there are. */
  readonly count: number;
  /** Holds all lines, at the positions below; not necessarily in order. */
  readonly bytes: Uint8Array;
  /** Where each line starts in {@link bytes}. Longer than {@link count}. */
  readonly starts: Uint32Array;
  /** Where each line ends in {@link bytes}, exclusively. */
  readonly ends: Uint32Array;
}
