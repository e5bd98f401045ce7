/**
 * Random access to the bytes of an image, wherever they are.
 *
 * Images have many megabytes and their notes a few hundred bytes, so inspection asks for ranges and never for the whole.
 *
 * @module
 */

/** The bytes of an image. */
export interface ImageSource {
  /** Bytes in the whole image. */
  readonly size: number;
  /**
   * The bytes from `offset` on. Only called for ranges within `size`; fewer bytes than asked for mean that the image
   * has become shorter meanwhile.
   */
  readAt(offset: number, length: number): Uint8Array;
}

/** An image in memory. Nothing is copied. */
export function bytesSource(bytes: Uint8Array): ImageSource {
  return { size: bytes.length, readAt: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** Bytes that {@link windowed} reads at once. */
export const WINDOW_BYTES = 16_384;

/**
 * `source` with few, large reads: neighbouring small ranges come out of one window. Returned bytes are only valid until
 * the next call.
 */
export function windowed(source: ImageSource): ImageSource {
  let window: Uint8Array = new Uint8Array(0);
  let start = 0;
  return {
    size: source.size,
    readAt(offset, length) {
      if (length > WINDOW_BYTES) return source.readAt(offset, length);
      if (offset < start || offset + length > start + window.length) {
        window = source.readAt(offset, Math.min(WINDOW_BYTES, source.size - offset));
        start = offset;
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}
