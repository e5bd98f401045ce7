/**
 * Cuts what a client sends during the handshake into TLS records, to see where its certificate begins.
 *
 * OpenSSL reserves memory for a certificate as soon as its length is announced, which may be 16 MiB. Lengths of messages
 * are encrypted, but the records that carry them are not hidden: the first encrypted record a server receives is where
 * the client's certificate begins. Everything before it is small.
 *
 * @module
 */

/** Bytes of a record's header. */
const HEADER_BYTES = 5;

/** The longest encrypted record: 2^14 bytes, and 256 for the encryption. */
export const RECORD_MAX = 16_384 + 256;

const APPLICATION_DATA = 23;
const RECORD_TYPES = [20, 21, 22, APPLICATION_DATA];

/** What the first bytes of a stream are. */
export type Scan =
  /** Whole records of the hello, or something that is no TLS and may be refused: this many bytes. */
  | { readonly kind: "hello"; readonly length: number }
  /** The first encrypted record begins here. */
  | { readonly kind: "encrypted"; readonly recordLength: number }
  /** More bytes are needed to tell. */
  | { readonly kind: "incomplete" };

/** Looks at bytes that begin with a record. */
export function scanRecords(bytes: Uint8Array): Scan {
  let at = 0;
  while (at < bytes.length) {
    const type = bytes[at] ?? 0;
    if (!RECORD_TYPES.includes(type)) return { kind: "hello", length: bytes.length };
    if (at + HEADER_BYTES > bytes.length) break;
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (type === APPLICATION_DATA)
      return at > 0 ? { kind: "hello", length: at } : { kind: "encrypted", recordLength: length };
    if (length > RECORD_MAX) return { kind: "hello", length: bytes.length };
    if (at + HEADER_BYTES + length > bytes.length) break;
    at += HEADER_BYTES + length;
  }
  return at > 0 ? { kind: "hello", length: at } : { kind: "incomplete" };
}
