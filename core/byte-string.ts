/**
 * Byte strings: what the protocol calls UTF8String.
 *
 * The original never validates UTF-8, so such a value is any sequence of bytes (wire.md 2). It is held in a JavaScript
 * string with one code unit (0–255) per byte: it can then be compared (`===` and `<` are byte order) and used as a key.
 *
 * @module
 */

/** Bytes in a string, one code unit (0–255) per byte. */
export type ByteString = string & { readonly __brand: "ByteString" };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of `bytes`, as a byte string. */
export function fromBytes(bytes: Uint8Array): ByteString {
  const step = 8192; // far below every engine's limit of arguments
  if (bytes.length <= step) return String.fromCharCode(...bytes) as ByteString;
  let text = "";
  for (let at = 0; at < bytes.length; at += step) text += String.fromCharCode(...bytes.subarray(at, at + step));
  return text as ByteString;
}

/** The UTF-8 encoding of `text`, as a byte string. */
export function fromText(text: string): ByteString {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return fromBytes(encoder.encode(text));
  return text as ByteString;
}

/** The bytes of a byte string. */
export function toBytes(value: ByteString): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let at = 0; at < value.length; at++) bytes[at] = value.charCodeAt(at);
  return bytes;
}

/** The text a byte string encodes, or `undefined` if it is not UTF-8. */
export function toText(value: ByteString): string | undefined {
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) > 127) {
      try {
        return decoder.decode(toBytes(value));
      } catch {
        return undefined;
      }
    }
  }
  return value;
}

/** The text of a byte string for people: invalid UTF-8 is replaced by U+FFFD. */
export function toDisplay(value: ByteString): string {
  return toText(value) ?? new TextDecoder().decode(toBytes(value));
}
