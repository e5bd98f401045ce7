/**
 * What reading a fifo offers, whichever way it is done.
 *
 * @module
 */

export interface FifoHandlers {
  /** Bytes that were read. They are only valid during the call: the memory is used again. */
  data(bytes: Uint8Array): void;
  /**
   * The last writer has closed, or reading failed. Exactly once, and the descriptor is closed by then; never after
   * {@link FifoReader.close}.
   */
  end(error: Error | undefined): void;
}

export interface FifoReader {
  /** Whether both read the very same fifo. A path may have got a new one. */
  sameFifo(other: FifoReader): boolean;
  /** Stops reading; the writers are blocked once the fifo is full. */
  hold(): void;
  /** Goes on reading. */
  release(): void;
  /** Reads, at once and held or not, what is there by now (at most the capacity of the fifo). */
  drain(): void;
  /** Stops reading and closes the descriptor. What is unread stays in the fifo if others have it open. */
  close(): void;
}

/** What a fifo is identified by. */
export interface OpenFifo {
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
}
