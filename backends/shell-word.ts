/**
 * Words for a POSIX shell.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";

/** `text` in single quotes. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Bytes as one word, quoted only where needed, with nothing in it that a terminal would obey. */
export function shellWord(bytes: ByteString): string {
  if (/^[\w.,:=/@%+-]+$/.test(bytes)) return bytes;
  if (/^[\x20-\x7e]*$/.test(bytes)) return shellQuoted(bytes);
  const escaped = (byte: string) =>
    /[\x20-\x26\x28-\x5b\x5d-\x7e]/.test(byte) ? byte : `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return `$'${Array.from(bytes, escaped).join("")}'`;
}
