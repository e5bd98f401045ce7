/**
 * Bytes as callers get them.
 *
 * @module
 */

/** Without the methods of Node's buffers, some of which are other ones under the same name. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
